package recursor

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"
)

// askingConfig points at the settings that Config and ForwardConfig share.
type askingConfig struct {
	udpSize, serverRate     int
	timeout                 *time.Duration
	maxInFlight, maxWaiting *int
	log                     **slog.Logger
}

// complete checks c and fills in the defaults, of which some are given.
func (c askingConfig) complete(timeout time.Duration, maxInFlight int) error {
	if c.udpSize != 0 && (c.udpSize < 512 || c.udpSize > 4096) {
		return fmt.Errorf("UDP size of %d octets is not between 512 and 4096", c.udpSize)
	}
	if err := completeLimit("limit of queries in flight", c.maxInFlight, maxInFlight); err != nil {
		return err
	}
	if err := completeLimit("limit of waiting queries", c.maxWaiting, 8**c.maxInFlight); err != nil {
		return err
	}
	if c.serverRate < 0 {
		return fmt.Errorf("limit of queries to a server is negative: %d", c.serverRate)
	}
	if *c.timeout < 0 {
		return fmt.Errorf("timeout is negative: %v", *c.timeout)
	}
	if *c.timeout == 0 {
		*c.timeout = timeout
	}
	if *c.log == nil {
		*c.log = slog.New(slog.DiscardHandler)
	}
	return nil
}

// completeLimit sets a limit that was not given.
func completeLimit(name string, limit *int, standard int) error {
	if *limit < 0 {
		return fmt.Errorf("%s is negative: %d", name, *limit)
	}
	if *limit == 0 {
		*limit = standard
	}
	return nil
}

// checkConfigured returns an error if a, from the configuration, cannot be the
// address of an upstream server.
func checkConfigured(a netip.AddrPort, own ownAddresses) error {
	switch {
	case !a.Addr().IsValid() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Port() == 0:
		return fmt.Errorf("%v is not the address and port of a server", a)
	case own.has(a):
		return fmt.Errorf("%v is this server itself", a)
	}
	return nil
}
