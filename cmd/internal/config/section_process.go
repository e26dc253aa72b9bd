package config

var processSection = once("process", "What the process gives up once it has what it needs. A change takes effect after a restart: what was given up does not come back.",
	text(about{
		key: "user", what: "The user to become after addresses are bound: a server that is started as root does not stay root. Under systemd, User= of the unit does that.",
		why:     "None: the server stays the user that has started it.",
		example: `"names"`, others: []string{"username", "uid", "run-as"},
	}, func(c *Config) *string { return &c.User }),
	toggle(about{
		key: "landlock", what: "Forbid the process, by Landlock of Linux, all files but those in folders that this configuration names, and in /etc, /proc and /usr/share, which it may read. It can execute nothing. A reload cannot add zones in other folders then.",
		why:     "false: it would get in the way of reloads that name new folders.",
		example: "true", others: []string{"sandbox", "seccomp", "chroot"},
	}, func(c *Config) *bool { return &c.Landlock }),
)
