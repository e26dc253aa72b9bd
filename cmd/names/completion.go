package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/bench"
	"github.com/names-dns/names/cmd/internal/check"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/journals"
	"github.com/names-dns/names/cmd/internal/keygen"
	"github.com/names-dns/names/cmd/internal/keys"
	"github.com/names-dns/names/cmd/internal/query"
	"github.com/names-dns/names/cmd/internal/serve"
	"github.com/names-dns/names/cmd/internal/sign"
	"github.com/names-dns/names/cmd/internal/transfer"
	"github.com/names-dns/names/cmd/internal/update"
	"github.com/names-dns/names/cmd/internal/verify"
	"github.com/names-dns/names/cmd/internal/verifyzone"
	"github.com/names-dns/names/cmd/internal/zone"
)

const completionHelp = `names completion prints a script that completes command lines.

Usage:

  names completion bash|zsh|fish

Subcommands, their options, the addresses of this machine after --interface,
types of records after names query, and files are completed.

Examples:

  source <(names completion bash)
  names completion bash > /etc/bash_completion.d/names
  names completion zsh > /usr/local/share/zsh/site-functions/_names
  names completion fish > ~/.config/fish/completions/names.fish
`

func runCompletion(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("completion", flag.ContinueOnError)
	if code, done := cli.ParseFlags(flags, completionHelp, args, stdout, stderr); done {
		return code
	}
	script := map[string]func() string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}[flags.Arg(0)]
	if flags.NArg() != 1 || script == nil {
		return cli.UsageError(stderr, "completion", errors.New("say for which shell: bash, zsh or fish"))
	}
	fmt.Fprint(stdout, script())
	return cli.ExitOK
}

// zshCompletion is the script for zsh.
func zshCompletion() string {
	var options strings.Builder
	for _, c := range commandsIn(usage) {
		if help := helpOf[c]; help != "" {
			fmt.Fprintf(&options, "\t\t%s) words=(%s) ;;\n", c, strings.Join(optionsIn(help), " "))
		}
	}
	return strings.NewReplacer("@COMMANDS@", strings.Join(commandsIn(usage), " "), "@OPTIONS@", strings.ReplaceAll(options.String(), "words=", "options=")).Replace(`#compdef names
# zsh completion for names
_names() {
	local -a commands options
	commands=(@COMMANDS@)
	if (( CURRENT == 2 )); then
		compadd -a commands
		return
	fi
	case ${words[2]} in
@OPTIONS@	esac
	if [[ $PREFIX == [-+]* ]]; then
		compadd -a options
	else
		_files
	fi
}
if [ "$funcstack[1]" = "_names" ]; then
	_names "$@"
else
	compdef _names names
fi
`)
}

// fishCompletion is the script for fish.
func fishCompletion() string {
	var b strings.Builder
	b.WriteString("# fish completion for names\n")
	for _, line := range commandLines.FindAllStringSubmatch(usage, -1) {
		fmt.Fprintf(&b, "complete -c names -n __fish_use_subcommand -f -a %s -d %s\n", line[1], fishQuote(line[2]))
	}
	for _, c := range commandsIn(usage) {
		for _, o := range optionsIn(helpOf[c]) {
			kind := "-o " + strings.TrimPrefix(o, "-")
			switch {
			case strings.HasPrefix(o, "--"):
				kind = "-l " + o[2:]
			case strings.HasPrefix(o, "+"):
				kind = "-a " + o
			case len(o) == 2:
				kind = "-s " + o[1:]
			}
			fmt.Fprintf(&b, "complete -c names -n '__fish_seen_subcommand_from %s' %s\n", c, kind)
		}
	}
	return b.String()
}

func fishQuote(text string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(text) + "'"
}

// commandLines are the commands and what they do.
var commandLines = regexp.MustCompile(`(?m)^  names ([a-z-]+) +(.*)$`)

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
		--bindzone|--pyzone|--resolv-conf|--hosts-file|--cache-file|--config|--trust-anchor|--trust-anchor-state|--local-root-file|-d|--queries)
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
var helpOf = map[string]string{
	"serve": serve.Help, "check": check.Help, "query": query.Help, "update": update.Help, "zone": zone.Help,
	"bench": bench.Help, "journal": journals.Help, "keygen": keygen.Help, "transfer": transfer.Help, "keys": keys.Help, "sign": sign.Help, "verify": verify.Help, "verify-zone": verifyzone.Help,
	"ctl": control.Help, "config": config.Help, "completion": completionHelp, "manual": manualHelp,
	"version": versionHelp,
}

var (
	commandInUsage = regexp.MustCompile(`(?m)^  names ([a-z-]+) `)
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
