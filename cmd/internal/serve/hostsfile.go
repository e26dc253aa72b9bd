package serve

import (
	"fmt"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
)

// openHosts reads the hosts file, and has it watched.
func (p *parts) openHosts() (*names.Hosts, error) {
	r := &p.settings.Recursion
	text, err := files.Read(r.HostsFile, names.MaxHostsFile)
	if err != nil {
		return nil, fmt.Errorf("hosts file: %w", err)
	}
	hosts := names.ParseHosts(string(text))
	hosts.Report().Warn(r.HostsFile, p.log)
	p.source = p.settings.Source(text)
	p.watch(r.HostsFile, func() { p.reloadHosts(hosts) })
	return hosts, nil
}

func (p *parts) reloadHosts(hosts *names.Hosts) {
	r := &p.settings.Recursion
	text, err := files.Read(r.HostsFile, names.MaxHostsFile)
	if err != nil {
		p.log.Error("hosts file not reloaded, still using the previous version", "error", err)
		return
	}
	hosts.Set(string(text))
	if p.cache != nil {
		p.cache.FlushAll() // it may hold what the file said before
	}
	if p.file != nil {
		source := p.settings.Source(text)
		p.file.source.Store(&source)
	}
	hosts.Report().Warn(r.HostsFile, p.log)
	p.log.Info("hosts file reloaded", "file", r.HostsFile, "names", hosts.Report().Names)
}
