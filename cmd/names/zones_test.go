package main

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Who waits for many zones hears now and then how many are done, and nothing
// more once they are.
func TestZonesProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		record := new(logRecorder)
		var done atomic.Int64
		finish := tellProgress(&done, 300, slog.New(slog.NewTextHandler(record, nil)))
		for range 2 {
			<-time.After(progressInterval - time.Second)
			done.Add(100)
		}
		finish()
		<-time.After(2 * progressInterval)
		if log := record.String(); strings.Count(log, "loading zones") != 1 || !strings.Contains(log, "done=100 of=300") {
			t.Errorf("the log says:\n%s", log)
		}
	})
}
