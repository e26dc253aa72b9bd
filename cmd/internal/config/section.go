package config

import "strings"

// form is how often a section may be in a file.
type form int

const (
	isOnce   form = iota // [listen]
	isListed             // [[zone]]
	isNamed              // [template.NAME]
)

// section is a table of the file, described.
type section struct {
	name    string
	form    form
	what    string // sentences for people
	example string // of a whole section that is listed or named
	options []about
	read    func(r *reader, m *member)
	write   func(c *Config) []instance
}

// instance is a section as it is in one configuration.
type instance struct {
	name   string   // of a named one
	values []string // of each option; "": it is not given
}

// sections are in the order in which they are printed.
var sections []section

// The sections refer to the list, to say which of them has an option.
func init() {
	sections = []section{
		listenSection, tlsSection, httpsSection, quicSection, acmeSection, aclSection, viewSection,
		identitySection, authoritySection, transfersSection, zoneSection, zonesSection, templateSection, catalogSection, keySection,
		journalSection, signingSection, policySection, onlineSection, aliasSection,
		recursionSection, answersSection, validationSection, cacheSection,
		limitsSection,
		logSection, queryLogSection, dnstapSection, controlSection, metricsSection, webSection, processSection,
	}
}

// header is how a section begins.
func header(name string) string {
	for _, s := range sections {
		if s.name == name {
			return s.header("NAME")
		}
		if key, ok := strings.CutPrefix(name, s.name+"."); ok && s.form == isNamed && !strings.Contains(key, ".") {
			return s.header(key)
		}
	}
	if strings.Contains(name, ".") {
		return "[[" + name + "]]" // a list of tables of a section
	}
	return "[" + name + "]"
}

func (s section) header(name string) string {
	switch s.form {
	case isListed:
		return "[[" + s.name + "]]"
	case isNamed:
		return "[" + s.name + "." + name + "]"
	}
	return "[" + s.name + "]"
}

func abouts[T any](options []option[T]) []about {
	all := make([]about, len(options))
	for i, o := range options {
		all[i] = o.about
	}
	return all
}

func values[T any](options []option[T], t *T) []string {
	all := make([]string, len(options))
	for i, o := range options {
		all[i] = o.write(t)
	}
	return all
}

// once is a section that fills the configuration itself.
func once(name, what string, options ...option[Config]) section {
	s := section{name: name, what: what, options: abouts(options)}
	s.read = func(r *reader, m *member) {
		if m.value.kind != isTable {
			r.add(m.position, "%s is a section; write [%s], and its options on the lines below", name, name)
			return
		}
		readOptions(r, name, r.Config, options, m.value, true)
	}
	s.write = func(c *Config) []instance { return []instance{{values: values(options, c)}} }
	return s
}

// listed is a section that may be given many times; each fills a T of its own.
func listed[T any](name, what, example string, add func(r *reader, t T, at Position), all func(c *Config) []T, options ...option[T]) section {
	s := section{name: name, form: isListed, what: what, example: example, options: abouts(options)}
	s.read = func(r *reader, m *member) {
		if m.value.kind != isArray {
			r.add(m.position, "%s may be given more than once; write [[%s]] in double brackets", name, name)
			return
		}
		for _, e := range m.value.elements {
			if e.kind != isTable {
				r.add(e.position, "%s is not a table; write [[%s]], and its options on the lines below", name, name)
				continue
			}
			t := new(T)
			if readOptions(r, name, t, options, e, false) {
				add(r, *t, e.position)
			}
		}
	}
	s.write = func(c *Config) (instances []instance) {
		for _, t := range all(c) {
			instances = append(instances, instance{values: values(options, &t)})
		}
		return instances
	}
	return s
}

// byName is a section that is given once for each name. all gives what a configuration
// has of it; nil: it is not kept.
func byName[T any](name, what, example string, add func(r *reader, key string, t T, at Position), all func(c *Config, give func(key string, t T)), options ...option[T]) section {
	s := section{name: name, form: isNamed, what: what, example: example, options: abouts(options)}
	s.read = func(r *reader, m *member) {
		if m.value.kind != isTable {
			r.add(m.position, "%s needs a name; write [%s.NAME], and its options on the lines below", name, name)
			return
		}
		for _, key := range m.value.keys {
			each := m.value.members[key]
			if each.value.kind != isTable {
				r.add(each.position, "%s.%s is not a table: a %s has a name; write [%s.NAME] and then %s = ...", name, key, name, name, key)
				continue
			}
			named := name + "." + key
			if at, ok := r.seen[named]; ok { // in another file: TOML itself refuses it in one
				r.add(each.position, "%s is given at %v already; delete one of the two", named, at)
				continue
			}
			r.seen[named] = each.position
			t := new(T)
			if readOptions(r, named, t, options, each.value, false) {
				add(r, key, *t, each.position)
			}
		}
	}
	s.write = func(c *Config) (instances []instance) {
		if all != nil {
			all(c, func(key string, t T) { instances = append(instances, instance{name: key, values: values(options, &t)}) })
		}
		return instances
	}
	return s
}

// readOptions reads the options of one section, and reports whether all are good.
func readOptions[T any](r *reader, name string, t *T, options []option[T], table *node, isOnce bool) bool {
	before := len(*r.problems)
	for _, key := range table.keys {
		m := table.members[key]
		i := indexOf(options, key)
		if i < 0 {
			r.unknownOption(sectionOf(name), abouts(options), key, m.position)
			continue
		}
		r.setting = name + "." + key
		if at, ok := r.seen[r.setting]; ok && isOnce {
			r.add(m.position, "%s is given at %v already; delete one of the two", r.setting, at)
			continue
		}
		if isOnce {
			r.seen[r.setting] = m.position
		}
		if !options[i].read(r, t, m.value) && isOnce {
			r.bad[r.setting] = true
		}
	}
	for _, o := range options {
		if _, ok := table.members[o.key]; o.isRequired && !ok {
			r.add(table.position, "%s: %s is missing; write %s", name, o.key, o.written())
		}
	}
	return len(*r.problems) == before
}

func indexOf[T any](options []option[T], key string) int {
	for i, o := range options {
		if o.key == key {
			return i
		}
	}
	return -1
}
