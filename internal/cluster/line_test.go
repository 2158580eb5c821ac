package cluster

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

func TestWhatComesAfterEvents(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := &tape{vault: vault{fail: func() {}}}
		d := newDiary(t, bus)
		after := func(s string) { d.member.After(func() { d.note(s) }) }
		after("at once")
		d.expect("at once")
		d.emit("a")
		after("1")
		d.emit("b")
		after("2")
		after("3")
		d.member.EmitHere(&adapter.Message{Type: adapter.Broadcast, Packet: text(`"local"`)})
		if d.expect(""); !d.member.Ahead() {
			t.Error("nothing is ahead")
		}
		d.back(bus, 1)
		d.expect(` "a"@ 1`)
		d.back(bus, 1)
		d.expect(` "b"@ 2 3 "local"`)
		if d.member.Ahead() {
			t.Error("something is ahead")
		}
		after("at once")
		d.expect("at once")

		d.emit("never back")
		after("4")
		wait(4 * time.Second)
		after("5")
		d.expect("")
		wait(1100 * time.Millisecond)
		d.expect("4 5")
		d.emit("c")
		after("6")
		d.member.Leave()
		d.expect("6")
	})
	t.Run("a function that ends its goroutine", func(t *testing.T) {
		in(t, func(t *testing.T) {
			bus := &tape{vault: vault{fail: func() {}}}
			d := newDiary(t, bus)
			d.emit("a")
			d.member.After(func() { d.SkipNow() })
			d.member.After(func() { d.note("on") })
			go d.back(bus, 1)
			synctest.Wait()
			d.expect(` "a"@ on`)
		})
	})
}
