package authority

import (
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

func TestSerialPolicies(t *testing.T) {
	now := time.Date(2026, 11, 30, 23, 30, 0, 0, time.FixedZone("", -3600)) // a day later in UTC
	for _, test := range []struct {
		policy  SerialPolicy
		present wire.Serial
		want    wire.Serial
	}{
		{SerialIncrement, 7, 8},
		{SerialIncrement, 1<<32 - 1, 0},
		{SerialUnixTime, 7, wire.Serial(now.Unix())},
		{SerialUnixTime, wire.Serial(now.Unix()), wire.Serial(now.Unix()) + 1},
		{SerialUnixTime, wire.Serial(now.Unix()) + 100, wire.Serial(now.Unix()) + 101},
		{SerialDate, 7, 2026120100},
		{SerialDate, 2026120100, 2026120101},
		{SerialDate, 2026120199, 2026120200},
		{SerialDate, 2026120200, 2026120201},
		{SerialDate, 4200000000, 2026120100}, // comes after it in the circle of RFC 1982
	} {
		if got := test.policy.Next(test.present, now); got != test.want {
			t.Errorf("%v: %v after %v, want %v", test.policy, got, test.present, test.want)
		}
	}
	for p := SerialIncrement; p <= SerialDate; p++ {
		if got, err := ParseSerialPolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: %v, %v", p, got, err)
		}
	}
	if _, err := ParseSerialPolicy("random"); err == nil {
		t.Error("random is a policy")
	}
}
