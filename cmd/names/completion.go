package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

const completionHelp = `names completion prints a script that completes command lines in bash.

Usage:

  names completion bash

Subcommands, their options, the addresses of this machine behind --interface,
types of records behind names query, and files are completed.

Examples:

  source <(names completion bash)
  names completion bash > /etc/bash_completion.d/names
`

func runCompletion(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("completion", flag.ContinueOnError)
	if code, done := parseFlags(flags, completionHelp, args, stdout, stderr); done {
		return code
	}
	if flags.NArg() != 1 || flags.Arg(0) != "bash" {
		return usageError(stderr, "completion", errors.New("say for which shell: bash"))
	}
	fmt.Fprint(stdout, bashCompletion())
	return exitOK
}

// bashCompletion is the script. What it knows of commands and options it has
// from their help texts: what they name is completed, and nothing else.
func bashCompletion() string {
	var options strings.Builder
	commands := commandsIn(usage)
	for _, c := range commands {
		if help := helpOf[c]; help != "" {
			fmt.Fprintf(&options, "\t\t%s) words=%q ;;\n", c, strings.Join(optionsIn(help), " "))
		}
	}
	return strings.NewReplacer("@COMMANDS@", strings.Join(commands, " "), "@OPTIONS@", options.String()).Replace(`# bash completion for names
_names() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words=
	if [ "$COMP_CWORD" -eq 1 ]; then
		COMPREPLY=($(compgen -W '@COMMANDS@' -- "$current"))
		return
	fi
	case $previous in
		-i|--interface)
			words=$(ip -o addr show 2>/dev/null | awk '{sub(/\/.*/, "", $4); print $4}')
			COMPREPLY=($(compgen -W "$words" -- "$current"))
			return ;;
		--bindzone|--pyzone|--resolv-conf|--hosts-file|--cache-file|-d|--queries)
			COMPREPLY=($(compgen -f -- "$current"))
			return ;;
	esac
	case ${COMP_WORDS[1]} in
@OPTIONS@	esac
	case $current in
		[-+]*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
		*) COMPREPLY=($(compgen -f -- "$current")) ;;
	esac
}
complete -o filenames -F _names names
`)
}

// helpOf is the help text of each command that has options.
var helpOf = map[string]string{"serve": serveHelp, "check": checkHelp, "query": queryHelp, "bench": benchHelp}

var (
	commandInUsage = regexp.MustCompile(`(?m)^  names ([a-z]+) `)
	optionInHelp   = regexp.MustCompile(`(?:^|[\s,|\[])(--?[A-Za-z0-9][a-z0-9-]*|\+[a-z]+)`)
)

// commandsIn returns the commands that a usage text lists.
func commandsIn(usage string) []string {
	var commands []string
	for _, m := range commandInUsage.FindAllStringSubmatch(usage, -1) {
		commands = append(commands, m[1])
	}
	return commands
}

// optionsIn returns the options that a help text names, each once.
func optionsIn(help string) []string {
	var options []string
	for _, m := range optionInHelp.FindAllStringSubmatch(help, -1) {
		options = append(options, m[1])
	}
	slices.Sort(options)
	return slices.Compact(options)
}
