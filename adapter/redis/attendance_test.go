package redis

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// While the connections of the servers break, an answer to FetchSockets has all
// sockets, or an error.
func TestNoAnswerLacksAServer(t *testing.T) {
	streams := makers[0]
	streams.name, streams.make = "redis-streams", func(c rueidis.Client) adapter.Adapter { return NewStreams(c, nil) }
	for _, kind := range append(makers[:2:2], streams) {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			takeTurn(t)
			r := clustertest.StartRedis(t)
			p := newPair(t, r, kind.make(connect(t, r.Addr)), kind.make(connect(t, r.Addr)))
			p.end()
			for round := range 6 {
				ctx, cancel := context.WithCancel(p.ctx)
				lacking := make(chan int, 2)
				for _, io := range []*socketio.Server{p.a, p.b} {
					go func() {
						n := 0
						for ctx.Err() == nil {
							if sockets, err := io.FetchSockets(ctx); err == nil && len(sockets) < 2 {
								n++
							}
						}
						lacking <- n
					}()
				}
				if round == 0 {
					r.Kill()
					p.pause(300 * time.Millisecond)
					r.Start()
				} else {
					r.Do("CLIENT", "KILL", "TYPE", "pubsub")
				}
				together := p.returnTogether()
				p.meet()
				cancel()
				if n := <-lacking + <-lacking; n > 0 && together {
					t.Errorf("round %d: %d answers lack a server", round, n)
				}
			}
		})
	}
}

func TestAttendance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attendance
		expect := func(n int, want bool) {
			t.Helper()
			if a.settles(n) != want {
				t.Errorf("a count of %d servers is believed: %t, after %+v", n, !want, a)
			}
		}
		expect(2, true)
		expect(3, true)
		expect(2, false)
		<-time.After(gracePeriod / 2)
		expect(2, false)
		expect(3, true) // it is back
		expect(2, false)
		<-time.After(gracePeriod)
		expect(2, true) // it is gone
		expect(2, true)
		a = attendance{servers: unknown}
		expect(2, false)
		<-time.After(gracePeriod)
		expect(2, true)
		expect(1, false)
		<-time.After(gracePeriod)
		expect(0, false) // one more
		<-time.After(gracePeriod / 2)
		expect(0, false)
		<-time.After(gracePeriod / 2)
		expect(0, true)
	})
}
