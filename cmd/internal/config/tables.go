package config

import "strings"

// tables is an option that is a list of tables, each of which fills a U. It is
// written as [[SECTION.KEY]], or as a list of inline tables.
func tables[T, U any](a about, field func(*T) *[]U, check func(u *U) error, options ...option[U]) option[T] {
	a.kind, a.tables = isArray, abouts(options)
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		setting := r.setting
		if v.kind != isArray {
			r.add(v.position, "%s may be given more than once; write [[%s]] in double brackets", setting, setting)
			return false
		}
		good := true
		for _, e := range v.elements {
			if e.kind != isTable {
				r.add(e.position, "%s is not a table; write [[%s]], and its options on the lines below", setting, setting)
				good = false
				continue
			}
			u := new(U)
			if !readOptions(r, setting, u, options, e, false) {
				good = false
				continue
			}
			if err := check(u); err != nil {
				r.add(e.position, "%s: %v", setting, err)
				good = false
				continue
			}
			*field(t) = append(*field(t), *u)
		}
		return good
	}, func(t *T) string {
		var all []string
		for i := range *field(t) {
			var pairs []string
			for k, value := range values(options, &(*field(t))[i]) {
				if value != "" {
					pairs = append(pairs, options[k].key+" = "+value)
				}
			}
			all = append(all, "{ "+strings.Join(pairs, ", ")+" }")
		}
		if all == nil {
			return ""
		}
		return "[" + strings.Join(all, ", ") + "]"
	}}
}

// sectionOf is the section that options of a table are in: that of a named one is
// without its name.
func sectionOf(name string) string {
	if first, _, ok := strings.Cut(name, "."); ok && strings.Count(name, ".") == 1 && first == "template" {
		return first
	}
	return name
}
