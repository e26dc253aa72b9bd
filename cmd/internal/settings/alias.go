package settings

import (
	"net/netip"
	"time"
)

// Alias says how the targets of ALIAS records are looked up. What is zero has the default
// of package alias.
type Alias struct {
	Servers                []netip.AddrPort // that are asked; none: what queries for recursion would ask
	MaxTTL                 time.Duration
	MinRefresh, MaxRefresh time.Duration
	MaxTargets, Rate       int
}

func checkAlias(s *Settings, found *problems) {
	a := &s.Alias
	found.addIf(a.MinRefresh > 0 && a.MaxRefresh > 0 && a.MaxRefresh < a.MinRefresh, "{alias.max-refresh} of %v is less than {alias.min-refresh} of %v", a.MaxRefresh, a.MinRefresh)
}
