package store

import (
	"errors"
	"testing"
)

// TestSlowModeAndClocks sets the clock back and forth: a member waits for the
// pause of the room at most.
func TestSlowModeAndClocks(t *testing.T) {
	a := actor{user: "ann", home: &roomRow{Room: Room{Settings: Settings{SlowMode: 10}}}, member: &memberRow{Member: Member{Role: RoleMember, LastPost: 1000}}}
	for now, want := range map[int64]int64{1000: 10, 1009: 1, 1010: 0, 5000: 0, 999: 0, 0: 0} {
		var wait int64
		if err := (*Error)(nil); errors.As(a.paced(now), &err) {
			wait = err.After
		}
		if wait != want {
			t.Errorf("at %d the member waits %d ms, want %d", now, wait, want)
		}
	}
}
