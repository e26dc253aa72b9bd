package systemd

import (
	"context"
	"log/slog"
	"strings"
	"testing"
)

func TestJournalText(t *testing.T) {
	var out strings.Builder
	level := new(slog.LevelVar)
	log := slog.New(JournalText(&out, &slog.HandlerOptions{Level: level}))
	log.Debug("not yet")
	level.Set(slog.LevelDebug)
	log.Debug("a detail", "n", 1)
	log.With("zone", "example.").Info("zone loaded")
	log.WithGroup("peer").Warn("it is slow", "time", "long")
	log.Error("cannot\nserve")
	log.Log(context.Background(), slog.LevelError+4, "worse")
	want := `<7>level=DEBUG msg="a detail" n=1
<6>level=INFO msg="zone loaded" zone=example.
<4>level=WARN msg="it is slow" peer.time=long
<3>level=ERROR msg="cannot\nserve"
<3>level=ERROR+4 msg=worse
`
	if out.String() != want {
		t.Errorf("got %s", out.String())
	}
}
