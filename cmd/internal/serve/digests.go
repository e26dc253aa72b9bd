package serve

import (
	"fmt"
	"log/slog"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/settings"
)

// digested verifies the digests of zones that were read from a file, and gives
// those that are to have one their digest: before the journal is replayed, whose
// changes start from that.
func digested(from *settings.Zone, zones []*authority.Snapshot, log *slog.Logger) error {
	for i, s := range zones {
		zone := authority.NewEmptyZone(s.Origin(), s.Class())
		zone.SetPipeline(withDigest(new(authority.Pipeline), from))
		if err := zone.Replace(authority.FromFile, s); err != nil {
			err = fmt.Errorf("zone file %s: %w", from.Path, err)
			log.Error("zone cannot be served", "error", err)
			return err
		}
		zones[i] = zone.Snapshot()
	}
	return nil
}

// withDigest returns p with the stages about the digest of a zone (RFC 8976).
func withDigest(p *authority.Pipeline, z *settings.Zone) *authority.Pipeline {
	with := *p
	if z.Digest != zonemd.Off {
		with.Check = []authority.Stage{zonemd.Verifier(z.Digest)}
	}
	if z.Generate != 0 && z.Sign == "" { // otherwise the signer makes it
		with.Digest = []authority.Stage{zonemd.Generator(z.Generate)}
	}
	return &with
}
