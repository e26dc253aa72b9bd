package config

var authoritySection = once("authority", "How queries about the zones are answered.",
	toggle(about{
		key: "any-in-full", what: "Answer queries of type ANY with all RRsets over UDP too.",
		why:     "false: over UDP they get one RRset (RFC 8482), since a large reply to a small query is of use to attackers; over TCP all of them.",
		example: "true", others: []string{"any", "minimal-any", "deny-any", "refuse-any"},
	}, func(c *Config) *bool { return &c.Settings.AnyInFull }),
)
