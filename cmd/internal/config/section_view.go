package config

import (
	"errors"
	"slices"

	"github.com/names-dns/names/cmd/internal/settings"
)

var viewSection = byName("view", "What some clients get in the place of what others get: zones that say views = [\"NAME\"], and other servers that names are looked up at. A client has the first view in the file that is for it. What a view does not say is what all clients get.",
	"[view.inside]\nclients = [\"10.0.0.0/8\"]\nforward = [\"10.0.0.53\"]\n",
	func(r *reader, key string, v settings.View, _ Position) {
		v.Name = key
		r.Settings.Views = append(r.Settings.Views, v)
	},
	func(c *Config, give func(string, settings.View)) {
		for _, v := range c.Settings.Views {
			give(v.Name, v)
		}
	},
	required(clients("clients", "The clients that the view is for, in the words of allow-query in [listen]: by their network, their TSIG key, or by an access list, which may also say how they ask and at which address of the server.",
		"It has to be given.", `["10.0.0.0/8", "key:office"]`, []string{"match-clients", "match-destinations", "addresses", "networks", "acl", "expr", "source"},
		func(v *settings.View) *[]string { return &v.Clients })),
	toggle(about{
		key: "no-recursion", what: "Look up nothing elsewhere for these clients, though recursion.allow has them.", why: "false.",
		example: "true", others: []string{"recursion"},
	}, func(v *settings.View) *bool { return &v.NoRecursion }),
	list(about{
		key: "forward", what: "Ask these servers for them, with a cache of their own: each ADDRESS or ADDRESS:PORT for everything, or ZONE=ADDRESS for the names in one zone. The clients have to be in recursion.allow, too.",
		why:     "Those of [recursion], with the cache of all.",
		example: `["10.0.0.53", "corp.example=10.0.0.54"]`, others: []string{"forwarders", "forwarder", "forward-addr", "upstream"},
	}, func(r *reader, v *settings.View, text string) error { return v.Recursion.AddForward(text) },
		func(v *settings.View) []string { return forwardTexts(&v.Recursion) }),
	list(about{
		key: "trust-ad", what: "Believe these servers of forward when they say that an answer is authentic, as trust-ad in [recursion] does.",
		why:     "None: AD of other servers says nothing.",
		example: `["127.0.0.1:5353"]`, others: []string{"proxy-dnssec"},
	}, func(r *reader, v *settings.View, text string) error { return v.Recursion.AddTrustAD(text) },
		func(v *settings.View) []string { return trustTexts(&v.Recursion) }),
	clients("allow-recursion", "The clients of the view for which names are looked up.",
		"Those in recursion.allow.", `["any"]`, []string{"allow", "recursion-allow"},
		func(v *settings.View) *[]string { return &v.AllowRecursion }),
	toggle(about{
		key: "no-private", what: "Nothing that is looked up for these clients may have an address of this network, as no-private in [answers] has it. This and the three that follow are in addition to [answers].",
		why:     "false.",
		example: "true", others: []string{"rebinding-protection"},
	}, func(v *settings.View) *bool { return &v.Answers.NoPrivate }),
	stringList("deny-answers", "Networks that no address may be in, and names that no alias may point to or below, in what is looked up for these clients.",
		"None.", `["192.0.2.0/24", "ads.example"]`, []string{"deny", "deny-answer-addresses", "deny-answer-aliases"},
		settings.IsDeniable, func(v *settings.View) *[]string { return &v.Answers.Deny }),
	stringList("exempt-zones", "Zones whose names may have any address and be any alias.",
		"None.", `["corp.example"]`, nil, isName,
		func(v *settings.View) *[]string { return &v.Answers.ExemptZones }),
	stringList("exempt-networks", "Networks that addresses may be in nevertheless.",
		"None.", `["10.1.0.0/16"]`, nil, isPeers,
		func(v *settings.View) *[]string { return &v.Answers.ExemptNetworks }),
	viewLimit("rate-limit", "How many replies a second a network gets that are alike, as rate-limit in [limits] has it. 0: no limit.", "500",
		func(v *settings.View) **int { return &v.Limits.Replies }),
	viewLimit("rate-limit-in-all", "How many replies a second a network gets, whatever they are. 0: no limit.", "20000",
		func(v *settings.View) **int { return &v.Limits.RepliesInAll }),
	viewLimit("client-queries", "How many queries a second a client may send that take recursion. 0: no limit.", "50",
		func(v *settings.View) **int { return &v.Limits.ClientQueries }),
	viewLimit("client-waiting", "How many of its queries may wait for other servers at once. 0: no limit.", "20",
		func(v *settings.View) **int { return &v.Limits.ClientWaiting }),
	viewLimit("upstream-queries", "How many queries a second one of the servers of forward is sent. 0: no limit.", "100",
		func(v *settings.View) **int { return &v.Limits.UpstreamQueries }),
)

// viewLimit is an option that takes the place of the one of [limits].
func viewLimit(key, what, example string, field func(*settings.View) **int) option[settings.View] {
	return maybeNumber(about{
		key: key, what: what, why: "What [limits] says.", example: example, most: settings.MaxRate,
	}, field)
}

// knowsViews reports whether there are views of all those names.
func (r *reader) knowsViews(views []string, at Position, what string) bool {
	var known []string
	for _, v := range r.Settings.Views {
		known = append(known, v.Name)
	}
	for _, name := range views {
		if !slices.Contains(known, name) {
			r.add(at, "%s: there is no view %q%s; add [view.%s]", what, name, didYouMean(name, known), name)
			return false
		}
	}
	return true
}

// viewsOption is an option that is a list of views.
func viewsOption[T any](field func(*T) *[]string) option[T] {
	return stringList("views", "The views in which the zone is: clients without one of these do not see it. Zones with one name may be in different views; all but the first are then only read from their files.",
		"Those of the template, or else all, but for those with a zone of the same name.", `["inside"]`, []string{"view", "in-view"}, func(text string) error {
			if text == "" {
				return errors.New("is empty")
			}
			return nil
		}, field)
}
