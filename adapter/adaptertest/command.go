package adaptertest

import "github.com/goroomcast/socketio"

var commands = []check{
	{"all sockets join a room", func(w *world) {
		all := w.clients()
		w.nodes[0].SocketsJoin("a")
		w.settle(0)
		for _, c := range all {
			c.expectRooms("a")
		}
	}},
	{"all sockets join several rooms", func(w *world) {
		all := w.clients()
		w.nodes[0].SocketsJoin("a", "b")
		w.settle(0)
		for _, c := range all {
			c.expectRooms("a", "b")
		}
	}},
	{"the sockets of a room join another", func(w *world) {
		in, out := w.clients("a"), w.clients()
		w.nodes[0].In("a").SocketsJoin("b")
		w.settle(0)
		for i := range in {
			in[i].expectRooms("a", "b")
			out[i].expectRooms()
		}
	}},
	{"all sockets but a room's join a room", func(w *world) {
		in, out := w.clients(), w.clients("a")
		w.nodes[0].Except("a").SocketsJoin("b")
		w.settle(0)
		for i := range in {
			in[i].expectRooms("b")
			out[i].expectRooms("a")
		}
	}},
	{"one socket of another server joins a room", func(w *world) {
		all := w.clients()
		w.nodes[0].In(all[1].ID()).SocketsJoin("a")
		w.settle(0)
		all[0].expectRooms()
		all[1].expectRooms("a")
		all[2].expectRooms()
	}},
	{"local sockets join a room", func(w *world) {
		all := w.clients()
		w.nodes[0].Local().SocketsJoin("a")
		w.settle(0)
		all[0].expectRooms("a")
		all[1].expectRooms()
		all[2].expectRooms()
	}},
	{"the sockets of one namespace join a room", func(w *world) {
		in, out := w.inOther(), w.clients()
		w.nodes[0].Of("/other").SocketsJoin("a")
		w.settleIn(0, "/other")
		for i := range in {
			in[i].expectRooms("a")
			out[i].expectRooms()
		}
	}},
	{"what is emitted to a room after all have joined reaches all", func(w *world) {
		all := w.clients()
		w.nodes[0].SocketsJoin("a")
		w.check(w.nodes[0].To("a").Emit("e"))
		w.expectAll(all, `42["e"]`)
	}},
	{"all sockets leave a room", func(w *world) {
		all := w.clients("a", "b")
		w.nodes[0].SocketsLeave("a")
		w.settle(0)
		for _, c := range all {
			c.expectRooms("b")
		}
	}},
	{"the sockets of a room leave others", func(w *world) {
		in, out := w.clients("a", "b", "c"), w.clients("b", "c")
		w.nodes[0].In("a").SocketsLeave("b", "c")
		w.settle(0)
		for i := range in {
			in[i].expectRooms("a")
			out[i].expectRooms("b", "c")
		}
	}},
	{"one socket of another server leaves a room", func(w *world) {
		all := w.clients("a")
		w.nodes[0].In(all[1].ID()).SocketsLeave("a")
		w.settle(0)
		all[0].expectRooms("a")
		all[1].expectRooms()
		all[2].expectRooms("a")
	}},
	{"local sockets leave a room", func(w *world) {
		all := w.clients("a")
		w.nodes[0].Local().SocketsLeave("a")
		w.settle(0)
		all[0].expectRooms()
		all[1].expectRooms("a")
		all[2].expectRooms("a")
	}},
	{"all sockets disconnect", func(w *world) {
		all := w.clients()
		w.nodes[0].DisconnectSockets(false)
		w.expectAll(all, "41")
		for _, c := range all { // the connection stays
			c.send("40")
			if got, err := c.Next(); err != nil || len(got) < 2 || got[:2] != "40" {
				w.Errorf("a second CONNECT: %q, %v", got, err)
			}
		}
	}},
	{"all sockets disconnect and their connections close", func(w *world) {
		all := w.clients()
		w.nodes[0].DisconnectSockets(true)
		w.expectAll(all, "41")
		for _, c := range all {
			if got, err := c.Next(); err == nil {
				w.Errorf("got packet %q, want the end", got)
			}
		}
	}},
	{"the sockets of a room disconnect", func(w *world) {
		in, out := w.clients("a"), w.clients()
		w.nodes[0].In("a").DisconnectSockets(false)
		w.expectAll(in, "41")
		w.end(0, out...)
	}},
	{"all sockets but a room's disconnect", func(w *world) {
		in, out := w.clients(), w.clients("a")
		w.nodes[0].Except("a").DisconnectSockets(false)
		w.expectAll(in, "41")
		w.end(0, out...)
	}},
	{"one socket of another server disconnects", func(w *world) {
		all := w.clients()
		reason := make(chan socketio.Reason, 1)
		all[1].OnDisconnect(func(r socketio.Reason) { reason <- r })
		w.nodes[0].In(all[1].ID()).DisconnectSockets(true)
		all[1].expect("41")
		if r := <-reason; r != socketio.ReasonServerDisconnect {
			w.Errorf("reason %q", r)
		}
		w.end(0, all[0], all[2])
	}},
	{"local sockets disconnect", func(w *world) {
		all := w.clients()
		w.nodes[0].Local().DisconnectSockets(true)
		all[0].expect("41")
		w.end(0, all[1:]...)
	}},
	{"what is emitted before sockets disconnect reaches them", func(w *world) {
		all := w.clients()
		w.check(w.nodes[0].Emit("bye"))
		w.nodes[0].DisconnectSockets(true)
		w.expectAll(all, `42["bye"]`, "41")
	}},
}
