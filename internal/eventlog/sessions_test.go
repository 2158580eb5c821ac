package eventlog

import (
	"fmt"
	"testing"
	"time"
)

func TestSessionsAreBounded(t *testing.T) {
	var ss Sessions[int]
	forgotten := 0
	for i := range maxSessions + 10 {
		forgotten += ss.Put(&Session[int]{PID: fmt.Sprint(i), Ended: start})
	}
	if ss.Len() != maxSessions || forgotten != 10 || ss.Get("9") != nil || ss.Get("10") == nil {
		t.Errorf("%d sessions, %d forgotten", ss.Len(), forgotten)
	}
}

func TestRemovedSessionsDoNotPileUp(t *testing.T) {
	var ss Sessions[int]
	for range 10_000 {
		s := &Session[int]{PID: "the same"}
		ss.Put(s)
		ss.Remove(s)
	}
	if len(ss.order) > maxRemoved+1 {
		t.Errorf("%d are in the order", len(ss.order))
	}
}

// FuzzSessions compares sessions with a map.
func FuzzSessions(f *testing.F) {
	f.Add([]byte{0, 4, 1, 2, 8, 2, 3})
	f.Add([]byte{0, 0, 0, 3, 43, 83, 0, 1, 5})
	f.Fuzz(func(t *testing.T, steps []byte) {
		var ss Sessions[int]
		model := make(map[string]*Session[int])
		now := start
		for _, step := range steps {
			n := int(step >> 2)
			pid := fmt.Sprint(n % 8)
			switch step & 3 {
			case 0:
				s := &Session[int]{PID: pid, Ended: now}
				model[pid] = s
				if forgotten := ss.Put(s); forgotten != 0 {
					t.Fatalf("%d forgotten", forgotten)
				}
			case 1:
				if s := ss.Get(pid); s != nil {
					delete(model, pid)
					ss.Remove(s)
				}
			case 2:
				now = now.Add(time.Duration(n) * time.Second)
			case 3:
				before, want := now.Add(-time.Duration(n)*time.Second), 0
				for pid, s := range model {
					if !s.Ended.After(before) {
						delete(model, pid)
						want++
					}
				}
				if got := ss.Expire(before); got != want {
					t.Fatalf("%d forgotten, want %d", got, want)
				}
			}
			oldest, any := ss.Oldest()
			for pid, s := range model {
				if ss.Get(pid) != s || !any || oldest.After(s.Ended) {
					t.Fatalf("session %s: %v, want %v; the oldest ended %v", pid, ss.Get(pid), s, oldest)
				}
			}
			if ss.Len() != len(model) {
				t.Fatalf("%d sessions, want %d", ss.Len(), len(model))
			}
		}
	})
}
