// Package keys is the command that makes and lists the keys of signed zones.
package keys

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names keys makes and lists the keys that zones are signed with.

Usage:

  names keys generate [options] ZONE   make a key; print the names of its files
  names keys import [options] ZONE FILE
                                       take over a key of another server: PEM (Knot
                                       DNS), or the text that PowerDNS exports
  names keys import --helper SOCKET --label LABEL [options] ZONE
                                       take over a key that a key helper has
  names keys import --offline [options] ZONE FILE
                                       take over the public half (FILE.key) of a key that
                                       stays on another machine
  names keys export [options] ZONE     print a private key as PEM
  names keys list [options] ZONE       list the keys, with what each does when
  names keys ds [options] ZONE         print the DS records for the parent
  names keys signal [options] ZONE SERVER...
                                       print the records by which the zones of these
                                       name servers vouch for the first DS record
                                       (RFC 9615)
  names keys roll [options] ZONE       exchange a key, or with --algorithm all keys
                                       for some of another algorithm
  names keys retire --tag N [options] ZONE
                                       have this key leave: exchange it, or do not use it
  names keys confirm [options] ZONE    all servers of the parent have the DS records
                                       that "names keys ds" prints, and no others
  names keys step [options] ZONE       let the next step happen, if the policy of the
                                       server is manual
  names keys compromised [options] ZONE
                                       others may know the keys, or with --tag one of
                                       them: replace them as fast as caches allow
  names keys plan [options] ZONE       list what happens, and prove that every
                                       resolver can validate all the time
  names keys request [options] ZONE    print what a key on another machine is to sign, for
                                       as long as --for says
  names keys sign-request [options] ZONE FILE
                                       on that machine: print the response
  names keys import-response [options] ZONE FILE
                                       check a response as a whole, and use it
  names keys agent --dir DIR --helper SOCKET
                                       be a key helper whose keys are PEM files in DIR

Keys are files as BIND and ldns have them: Kexample.com.+013+12345.key and
.private. Keys of these servers can be put into the directory as they are. What
has become of them is in Kexample.com.states.json; a server that signs, or "names
sign", does what is next.

Options:

  --dir DIR           where the keys are (.)
  --algorithm NAME    ECDSAP256SHA256 (default), ECDSAP384SHA384, ED25519, ED448,
                      RSASHA256 or RSASHA512
  --bits N            length of an RSA key (2048)
  --ksk               make a key that signs only the keys (flags 257)
  --zsk               make a key that signs only the rest (flags 256); otherwise
                      the one key does both
  --helper SOCKET     have the key helper at this socket make the key, or take one over
                      from it: the private half stays there
  --label LABEL       the name of the key there
  --offline           the private half of the key stays on another machine
  --knot              print the request in the form of Knot DNS, for "keymgr ZONE sign-ksr";
                      sign-request and import-response read both forms
  --cds               with CDS and CDNSKEY records, if the policy of the server has them
  --tag N             the key that retires; to export, if there are several; that is compromised,
                      if not all are
  --for TIME          how far plan and request look: 2y, 8w, 30d, 12h (1y)
  --ksk-rollover WORD double-signature (RFC 6781 4.1.2) or double-ds (RFC 7583 3.3.2): how roll and
                      plan exchange keys that the parent knows; default: as before
  --parent TIME       how long the parent takes to publish DS records, for plan (24h)
  --ttl TIME          the TTL of DNSKEY records (1h)
  --max-ttl TIME      the largest TTL of the zone (24h)
  --propagation TIME  how long secondaries take to get a version (1h)
  --ds-ttl TIME       how long the parent's DS records live on in caches (25h)
  --digest N          type of digest of the DS records (2, SHA-256; 4, SHA-384)

Exit code: 0, 1 if it could not be done, 2 for a wrong command line.

Examples:

  names keys generate example.com
  names keys ds example.com
  names keys roll --zsk --dir /var/lib/names/keys example.com
  names keys plan --for 2y --dir /var/lib/names/keys example.com
  names keys roll --ksk --ksk-rollover double-ds --dir /var/lib/names/keys example.com
  names keys list --dir /var/lib/names/keys example.com
`

type options struct {
	dir       string
	algorithm wire.Algorithm // 0 if it was not given
	bits      int
	ksk, zsk  bool
	digest    uint
	tag       uint
	file      string
	helper    string // the socket of a key helper
	label     string
	offline   bool
	cds       bool
	knot      bool        // the form of Knot DNS
	servers   []wire.Name // in the NS records of the zone
	rollover  string
	horizon   string
	end       time.Time
	parent    time.Duration
	timing    sign.Timing
	now       time.Time
}

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("keys", flag.ContinueOnError)
	var o options
	flags.StringVar(&o.dir, "dir", ".", "")
	algorithm := flags.String("algorithm", "", "")
	flags.StringVar(&o.helper, "helper", "", "")
	flags.StringVar(&o.label, "label", "", "")
	flags.BoolVar(&o.offline, "offline", false, "")
	flags.BoolVar(&o.cds, "cds", false, "")
	flags.BoolVar(&o.knot, "knot", false, "")
	flags.UintVar(&o.tag, "tag", 0, "")
	flags.StringVar(&o.rollover, "ksk-rollover", "", "")
	flags.StringVar(&o.horizon, "for", "1y", "")
	flags.DurationVar(&o.parent, "parent", 24*time.Hour, "")
	flags.IntVar(&o.bits, "bits", 0, "")
	flags.BoolVar(&o.ksk, "ksk", false, "")
	flags.BoolVar(&o.zsk, "zsk", false, "")
	flags.UintVar(&o.digest, "digest", 2, "")
	flags.DurationVar(&o.timing.KeyTTL, "ttl", 0, "")
	flags.DurationVar(&o.timing.MaxTTL, "max-ttl", 0, "")
	flags.DurationVar(&o.timing.Propagation, "propagation", 0, "")
	flags.DurationVar(&o.timing.DS, "ds-ttl", 0, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	if len(words) == 0 {
		return cli.UsageError(stderr, "keys", errors.New("say what to do: generate, import, export, list, ds, signal, roll, retire, confirm, step, compromised, plan, request, sign-request, import-response or agent"))
	}
	verb, zones := words[0], words[1:]
	do := verbs[verb]
	switch {
	case do == nil && verb != "agent":
		return cli.UsageError(stderr, "keys", fmt.Errorf("there is no \"names keys %s\"%s", verb, cli.DidYouMean(verb, append(slices.Sorted(maps.Keys(verbs)), "agent"))))
	case verb == "agent":
		if len(zones) > 0 || o.helper == "" {
			return cli.UsageError(stderr, "keys", errors.New("agent: give --dir and --helper, and no zone"))
		}
		return runAgent(o, stderr)
	case (verb == "sign-request" || verb == "import-response") && len(zones) != 2:
		return cli.UsageError(stderr, "keys", errors.New("name one zone and one file"))
	case verb == "import" && (len(zones) != 2) != (o.label != ""):
		return cli.UsageError(stderr, "keys", errors.New("name one zone, and one file or --label"))
	case (o.label != "") != (o.helper != "" && verb == "import"):
		return cli.UsageError(stderr, "keys", errors.New("to import a key from a key helper, give --helper and --label"))
	case verb != "import" && verb != "signal" && verb != "sign-request" && verb != "import-response" && len(zones) != 1 || len(zones) == 0:
		return cli.UsageError(stderr, "keys", errors.New("name one zone"))
	case o.ksk && o.zsk:
		return cli.UsageError(stderr, "keys", errors.New("--ksk and --zsk are two keys: without either, one key does both"))
	case min(o.parent, o.timing.KeyTTL, o.timing.MaxTTL, o.timing.Propagation, o.timing.DS) < 0:
		return cli.UsageError(stderr, "keys", errors.New("times are not negative"))
	case o.rollover != "" && o.rollover != "double-signature" && o.rollover != "double-ds":
		return cli.UsageError(stderr, "keys", fmt.Errorf("--ksk-rollover %q is neither double-signature nor double-ds", o.rollover))
	case o.rollover != "" && verb != "roll" && verb != "plan":
		return cli.UsageError(stderr, "keys", errors.New("--ksk-rollover is for roll and plan"))
	case o.knot && (verb != "request" || o.cds):
		return cli.UsageError(stderr, "keys", errors.New("--knot is for request; the machine that signs decides about CDS records then, without --cds"))
	case o.digest != 2 && o.digest != 4:
		return cli.UsageError(stderr, "keys", fmt.Errorf("--digest %d is not one of 2 (SHA-256) and 4 (SHA-384)", o.digest))
	}
	if *algorithm != "" {
		var err error
		if o.algorithm, err = algorithms.ParseSigning(*algorithm); err != nil {
			return cli.UsageError(stderr, "keys", fmt.Errorf("--algorithm: %w", err))
		}
	}
	o.now = time.Now().UTC().Truncate(time.Second)
	horizon, err := parseSpan(o.horizon)
	if err != nil {
		return cli.UsageError(stderr, "keys", fmt.Errorf("--for: %w", err))
	}
	o.end = o.now.Add(horizon)
	switch {
	case verb == "signal":
		for _, text := range zones[1:] {
			server, err := wire.ParseName(text)
			if err != nil {
				return cli.UsageError(stderr, "keys", fmt.Errorf("server %s: %w", text, err))
			}
			o.servers = append(o.servers, server)
		}
	case len(zones) > 1:
		o.file = zones[1]
	}
	zone, err := wire.ParseName(zones[0])
	if err != nil {
		return cli.UsageError(stderr, "keys", fmt.Errorf("zone %s: %w", zones[0], err))
	}
	if err := do(stdout, zone, o); err != nil {
		fmt.Fprintf(stderr, "names keys: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// verbs are what can be done.
var verbs = map[string]func(io.Writer, wire.Name, options) error{
	"generate": generate, "retire": retire, "list": list, "ds": ds, "roll": roll, "confirm": confirm, "plan": plan, "import": importKey, "export": export,
	"step": step, "compromised": compromised, "signal": signal,
	"request": request, "sign-request": signRequest, "import-response": importResponse,
}

// importKey takes over a key of another server.
func importKey(out io.Writer, zone wire.Name, o options) error {
	if o.offline {
		of, k, err := sign.ImportOffline(o.file, o.now)
		if err != nil {
			return err
		}
		if !of.Equal(zone) {
			return fmt.Errorf("%s has a key of zone %s", o.file, of)
		}
		return keep(out, k, zone, o)
	}
	if o.label != "" {
		helper := keyhelper.NewClient(o.helper)
		defer helper.Close()
		k, err := sign.KeyInDevice(helper, o.label, o.algorithm, o.flags(), o.now)
		if err != nil {
			return err
		}
		return keep(out, k, zone, o)
	}
	k, err := sign.ImportKey(o.file, o.algorithm, o.flags(), o.now)
	if err != nil {
		return err
	}
	return keep(out, k, zone, o)
}

// export prints the private half of a key.
func export(out io.Writer, zone wire.Name, o options) error {
	set, err := open(zone, o)
	if err != nil {
		return err
	}
	var found []*sign.Key
	for _, k := range set.Keys {
		if o.tag == 0 || uint(k.Tag) == o.tag {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		return fmt.Errorf("zone %s has %s: --tag says which of those that \"names keys list\" shows", zone, cli.Count(len(found), "such key"))
	}
	text, err := found[0].AppendPEM(nil)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return err
}

func generate(out io.Writer, zone wire.Name, o options) error {
	others, err := sign.ReadKeys(o.dir, zone)
	if err != nil {
		return err
	}
	algorithm := cmp.Or(o.algorithm, wire.AlgorithmECDSAP256SHA256)
	var k *sign.Key
	if o.helper != "" {
		helper := keyhelper.NewClient(o.helper)
		defer helper.Close()
		k, err = sign.GenerateInDevice(helper, zone, others, algorithm, o.flags(), o.bits, o.now)
	} else {
		k, err = sign.GenerateAnother(others, algorithm, o.flags(), o.bits, o.now)
	}
	if err != nil {
		return err
	}
	return keep(out, k, zone, o)
}

// flags are those of the DNSKEY record of a new key.
func (o options) flags() uint16 {
	if o.zsk {
		return wire.FlagZoneKey
	}
	return wire.FlagZoneKey | wire.FlagSecureEntry
}

// keep writes the files of a new key, and prints their name.
func keep(out io.Writer, k *sign.Key, zone wire.Name, o options) error {
	if err := k.Write(o.dir, zone); err != nil {
		return err
	}
	_, err := fmt.Fprintln(out, k.FileName(zone))
	return err
}

// parseSpan reads a time in one unit: h, d, w or y among them.
func parseSpan(text string) (time.Duration, error) {
	const day = 24 * time.Hour
	for unit, length := range map[string]time.Duration{"d": day, "w": 7 * day, "y": 365 * day} {
		if number, ok := strings.CutSuffix(text, unit); ok {
			n, err := strconv.ParseUint(number, 10, 16)
			if err != nil || n > uint64(100*365*day/length) {
				return 0, fmt.Errorf("%q is not a time of at most 100 years", text)
			}
			return time.Duration(n) * length, nil
		}
	}
	span, err := time.ParseDuration(text)
	if err != nil || span < 0 {
		return 0, fmt.Errorf("%q is not a time as in 2y, 8w, 30d or 12h", text)
	}
	return span, nil
}

func list(out io.Writer, zone wire.Name, o options) error {
	set, err := open(zone, o)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "TAG\tALGORITHM\tSIGNS\tSTATE\tDNSKEY\tSIGNATURES\tDS")
	for _, k := range set.Keys {
		p := k.Progress
		if p == nil {
			fmt.Fprintf(w, "%d\t%v\t-\tnot used yet\t\t\t\n", k.Tag, k.Record.Algorithm)
			continue
		}
		signatures, ds := sign.PartKeySignature, "-"
		if p.Role == sign.RoleZone {
			signatures = sign.PartZoneSignature
		} else {
			ds = p.Parts[sign.PartDS].State.String()
		}
		fmt.Fprintf(w, "%d\t%v\t%v\t%s\t%v\t%v\t%s\n", k.Tag, k.Record.Algorithm, p.Role, p.Summary(),
			p.Parts[sign.PartDNSKEY].State, p.Parts[signatures].State, ds)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, next := range set.Waits(o.now) {
		if _, err := fmt.Fprintln(out, next); err != nil {
			return err
		}
	}
	return nil
}

func ds(out io.Writer, zone wire.Name, o options) error {
	set, err := open(zone, o)
	if err != nil {
		return err
	}
	found := false
	for _, k := range set.Keys {
		switch p := k.Progress; {
		case p == nil || p.Role == sign.RoleZone || p.Goal != sign.Omnipresent && !p.IsForParent():
			continue
		case p.Parts[sign.PartDS].State == sign.Hidden:
			fmt.Fprintf(out, "; not yet: resolvers may still lack the DNSKEY record of %s; \"names keys plan\" says from when\n", k)
		}
		found = true
		if err := printDS(out, zone, k, o); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("zone %s has no key with flags 257 in %s that is in use", zone, o.dir)
	}
	return nil
}

func printDS(out io.Writer, zone wire.Name, k *sign.Key, o options) error {
	record, err := k.DS(zone, uint8(o.digest))
	if err != nil {
		return err
	}
	_, err = out.Write(zonefile.AppendRecord(nil, &wire.Record{Name: zone, Type: wire.TypeDS, Class: wire.ClassIN, TTL: 3600, Data: record.AppendTo(nil, nil)}))
	return err
}

// open reads the keys of a zone that has some.
func open(zone wire.Name, o options) (*sign.KeySet, error) {
	set, err := sign.OpenKeySet(o.dir, zone, o.now)
	if err != nil {
		return nil, err
	}
	return set, prepare(set, o)
}

// edit changes what is to become of the keys of a zone that has some.
func edit(zone wire.Name, o options, change func(*sign.KeySet) error) (*sign.KeySet, error) {
	return sign.EditKeySet(o.dir, zone, o.now, func(set *sign.KeySet) error {
		if err := prepare(set, o); err != nil {
			return err
		}
		return change(set)
	})
}

// prepare refuses a set without keys, and takes over the times of the command line.
func prepare(set *sign.KeySet, o options) error {
	if len(set.Keys) == 0 {
		dir := o.dir
		if wd, err := os.Getwd(); err == nil && dir == "." {
			dir = wd
		}
		return fmt.Errorf("zone %s has no keys in %s", set.Zone, dir)
	}
	if o.rollover != "" {
		set.Policy.DoubleDS = o.rollover == "double-ds"
	}
	t := &set.Policy.Timing
	t.KeyTTL, t.MaxTTL = cmp.Or(o.timing.KeyTTL, t.KeyTTL), cmp.Or(o.timing.MaxTTL, t.MaxTTL)
	t.Propagation, t.DS = cmp.Or(o.timing.Propagation, t.Propagation), cmp.Or(o.timing.DS, t.DS)
	return nil
}

// roll exchanges the keys that sign the zone or, if these sign everything or it is
// asked for, those that the parent knows.
func roll(out io.Writer, zone wire.Name, o options) error {
	set, err := edit(zone, o, func(set *sign.KeySet) error {
		if o.algorithm != 0 {
			set.Policy.Algorithm = o.algorithm
			return nil
		}
		roles := []sign.Role{sign.RoleAll, sign.RoleKeys}
		if o.zsk || !o.ksk && set.Policy.TwoKeys {
			roles = []sign.Role{sign.RoleZone}
		}
		return set.Roll(roles...)
	})
	if err != nil {
		return err
	}
	return printPlan(out, set, o)
}

// retire has one key leave.
func retire(out io.Writer, zone wire.Name, o options) error {
	if o.tag == 0 || o.tag > 1<<16-1 {
		return errors.New("--tag says which key, as \"names keys list\" shows it")
	}
	set, err := edit(zone, o, func(set *sign.KeySet) error { return set.Retire(uint16(o.tag)) })
	if err != nil {
		return err
	}
	return printPlan(out, set, o)
}

// step lets the next step of a manual policy happen: the server, or "names sign", does it.
func step(out io.Writer, zone wire.Name, o options) error {
	var steps []sign.Wait
	if _, err := edit(zone, o, func(set *sign.KeySet) error {
		steps = set.Proposals(o.now)
		return set.Approve(o.now)
	}); err != nil {
		return err
	}
	for _, w := range steps {
		if _, err := fmt.Fprintln(out, w.What); err != nil {
			return err
		}
	}
	return nil
}

// compromised replaces keys that others may know.
func compromised(out io.Writer, zone wire.Name, o options) error {
	var tags []uint16
	if o.tag != 0 {
		tags = []uint16{uint16(min(o.tag, 1<<16-1))}
	}
	set, err := edit(zone, o, func(set *sign.KeySet) error { return set.Compromise(tags...) })
	if err != nil {
		return err
	}
	return printPlan(out, set, o)
}

// confirm takes in that the parent has what it is to have.
func confirm(out io.Writer, zone wire.Name, o options) error {
	set, err := edit(zone, o, func(set *sign.KeySet) error {
		if len(set.ConfirmDS(o.now)) == 0 {
			return fmt.Errorf("zone %s does not wait for its parent: \"names keys list\" shows for what", zone)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return printPlan(out, set, o)
}

func plan(out io.Writer, zone wire.Name, o options) error {
	set, err := open(zone, o)
	if err != nil {
		return err
	}
	if err := printPlan(out, set, o); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "every resolver can validate all the time until %s, whatever it has in its cache\n", o.end.Format(time.DateOnly))
	return err
}

// printPlan lists what happens to the keys.
func printPlan(out io.Writer, set *sign.KeySet, o options) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	events, err := set.Calendar(o.now, o.end, o.parent)
	for _, e := range events {
		fmt.Fprintf(w, "%s\t%v\t%v\t%v\t%s\n", e.At.UTC().Format(time.RFC3339), e.Key, e.Part, e.To, e.Why)
	}
	if flushErr := w.Flush(); flushErr != nil {
		return flushErr
	}
	return err
}
