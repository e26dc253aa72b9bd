package cli

import "runtime/debug"

// release is the version of this source tree.
const release = "0.1.0"

// Version is the release, with the commit it was built from where the
// toolchain recorded one.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return release + " (" + s.Value[:min(12, len(s.Value))] + ")"
			}
		}
	}
	return release
}
