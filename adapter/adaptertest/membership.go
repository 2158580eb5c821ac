package adaptertest

import (
	"context"

	"github.com/goroomcast/socketio"
)

// without makes the world one without server i.
func (w *world) without(i int) {
	w.nodes = append(w.nodes[:i:i], w.nodes[i+1:]...)
}

var memberships = []check{
	{"a server that closes receives nothing more", func(w *world) {
		all := w.clients()
		heard := make(chan struct{}, 1)
		w.nodes[1].OnServerSide("e", func(context.Context, *socketio.Event) error {
			heard <- struct{}{}
			return nil
		})
		w.nodes[1].Close()
		w.without(1)
		w.check(w.nodes[0].ServerSideEmit("e"))
		w.check(w.nodes[0].Emit("e"))
		w.expectAll([]*client{all[0], all[2]}, `42["e"]`)
		w.settle(0)
		if len(heard) > 0 {
			w.Error("the closed server has heard an event")
		}
	}},
	{"the others go on after a server has closed", func(w *world) {
		all := w.clients()
		w.check(w.nodes[1].Shutdown(w.ctx))
		w.without(1)
		w.meet("/")
		w.expectFetched(w.nodes[0].To(), all[0], all[2])
		w.expectTally(w.call(w.ctx, w.nodes[1].To(), "e"), 0, answerAll(`["e"]`, all[0], all[2]))
	}},
	{"the others go on after a server has died", func(w *world) {
		all := w.clients()
		w.nodes[1].link.kill()
		w.without(1)
		w.expectFetched(w.nodes[0].To(), all[0], all[2])
	}},
	{"a server that is alone", func(w *world) {
		all := w.clients()
		w.nodes[2].Close()
		w.nodes[1].Close()
		w.nodes = w.nodes[:1]
		w.check(w.nodes[0].Emit("e"))
		all[0].expect(`42["e"]`)
		w.expectFetched(w.nodes[0].To(), all[0])
		w.expectReplies()
	}},
	{"a closed server does no harm when it is used", func(w *world) {
		all := w.clients()
		closed := w.nodes[1]
		closed.Close()
		w.check(closed.Emit("e"))
		if closed.ServerSideEmit("e") == nil {
			w.Error("a closed server has sent an event")
		}
		closed.SocketsJoin("a")
		for _, err := range closed.ServerSideCall(w.ctx, "e") {
			if err == nil {
				w.Error("a closed server has got a reply")
			}
		}
		w.check(w.nodes[0].Emit("end"))
		w.expectAll([]*client{all[0], all[2]}, `42["end"]`)
	}},
	{"what a server waits for ends when it closes", func(w *world) {
		all := w.clients()
		called := w.call(w.ctx, w.nodes[0].To(), "e")
		for _, c := range all {
			c.asked(`["e"]`)
		}
		w.nodes[1].OnServerSide("e", func(context.Context, *socketio.Event) error {
			go w.nodes[0].Close()
			return nil
		})
		if got, errs := w.gather(w.ctx, "e"); len(got) > 0 || len(errs) != servers-1 {
			w.Errorf("replies %q, errors %v", got, errs)
		}
		w.expectTally(called, len(all), nil)
	}},
	{"a namespace that another server lacks", func(w *world) {
		n := w.nodes[0].Of("/lonely")
		if sockets, err := n.FetchSockets(w.ctx); err != nil || len(sockets) > 0 {
			w.Errorf("%d sockets, %v", len(sockets), err)
		}
		c := w.clientIn(0, "/lonely", "")
		w.check(n.Emit("e"))
		c.expect(`42/lonely,["e"]`)
		w.expectTally(w.call(w.ctx, n.To(), "f"), 0, answerAll(`["f"]`, c))
	}},
	{"a namespace that comes later", func(w *world) {
		var all []*client
		for i := range w.nodes {
			w.nodes[i].greetable("/late")
			all = append(all, w.clientIn(i, "/late", ""))
		}
		w.meet("/late")
		w.check(w.nodes[0].Of("/late").Emit("e"))
		w.expectAll(all, `42/late,["e"]`)
		w.expectFetched(w.nodes[0].Of("/late").To(), all...)
	}},
	{"namespaces with odd names", func(w *world) {
		for _, name := range []string{"/a#b", "/é", "/*", `/"`, "/[a]", "/workspace-1", "/a/b"} {
			var all []*client
			for i := range w.nodes {
				all = append(all, w.clientIn(i, w.nodes[i].Of(name).Name(), ""))
			}
			w.check(w.nodes[0].Of(name).Emit("e"))
			w.expectAll(all, "42"+name+`,["e"]`)
		}
	}},
}
