package chat_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

// states are what a user can be in a room. The user has posted message 1, and bob,
// a member, message 2.
var states = []string{"owner", "moderator", "member", "reader", "muted", "stranger", "kicked", "banned"}

// put puts the user sub into a state.
func put(w *world, room, state string) {
	w.Helper()
	r := w.chat.Room(room)
	switch state {
	case "owner", "moderator", "member", "reader":
		w.check(r.Add(ctx, "sub", chat.Role(state)))
	case "muted":
		w.check(r.Add(ctx, "sub", chat.Writer))
		w.check(r.Mute(ctx, "sub", time.Now().Add(time.Hour).UnixMilli()))
	case "kicked":
		w.check(r.Add(ctx, "sub", chat.Writer))
		w.check(r.Kick(ctx, "sub", ""))
	case "banned":
		w.check(r.Add(ctx, "sub", chat.Writer))
		w.check(r.Ban(ctx, "sub", ""))
	}
}

// authorisations are the codes of all commands in an open room, one for each of
// states; "ok" is none. In a closed room those without membership get
// "not_found" instead.
var authorisations = []struct {
	name  string
	event string
	arg   obj
	codes string // owner, moderator, member, reader, muted, stranger, kicked, banned
}{
	{"open", "open", obj{}, "ok ok ok ok ok ok ok banned"},
	{"history", "history", obj{}, "ok ok ok ok ok ok ok banned"},
	{"members", "members", obj{}, "ok ok ok ok ok ok ok banned"},
	{"search", "search", obj{"text": "by"}, "ok ok ok ok ok ok ok banned"},
	{"search in a thread", "search", obj{"room": "~3", "text": "thread"}, "ok ok ok ok ok ok ok banned"},
	{"post", "post", obj{"cid": "c", "text": "x"}, "ok ok ok forbidden muted not_member not_member banned"},
	{"edit own", "edit", obj{"seq": 1, "ver": 1, "text": "x"}, "ok ok ok forbidden muted not_member not_member banned"},
	{"edit another's", "edit", obj{"seq": 2, "ver": 2, "text": "x"}, "forbidden forbidden forbidden forbidden forbidden forbidden forbidden banned"},
	{"delete own", "delete", obj{"seq": 1}, "ok ok ok ok ok not_member not_member banned"},
	{"delete another's", "delete", obj{"seq": 2}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"react", "react", obj{"seq": 2, "emoji": "x", "on": true}, "ok ok ok forbidden muted not_member not_member banned"},
	{"read", "read", obj{"seq": 1}, "ok ok ok ok ok not_member not_member banned"},
	{"unread", "unread", obj{"seq": 1}, "ok ok ok ok ok not_member not_member banned"},
	{"delivered", "delivered", obj{"seq": 1}, "forbidden forbidden forbidden forbidden forbidden forbidden forbidden banned"},
	{"report", "report", obj{"seq": 2}, "ok ok ok ok ok ok ok banned"},
	{"versions", "versions", obj{"seq": 2}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"join", "join", obj{}, "ok ok ok ok ok ok ok banned"},
	{"leave", "leave", obj{}, "conflict ok ok ok ok ok ok banned"},
	{"notify", "notify", obj{"notify": "none"}, "ok ok ok ok ok not_member not_member banned"},
	{"slow mode", "set", obj{"slowMode": 5}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"pin", "set", obj{"pin": 2}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"archive", "set", obj{"archived": true}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"visibility", "set", obj{"visibility": "joined"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"add", "add", obj{"user": "new"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"add a moderator", "add", obj{"user": "new", "role": "moderator"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"kick a member", "kick", obj{"user": "bob"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"kick a moderator", "kick", obj{"user": "mod"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"ban a member", "ban", obj{"user": "bob"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"ban an outsider", "ban", obj{"user": "out"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"ban a moderator", "ban", obj{"user": "mod"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"unban", "unban", obj{"user": "exile"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"mute", "mute", obj{"user": "bob", "until": 1 << 50}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"lower a member", "role", obj{"user": "bob", "role": "reader"}, "ok ok forbidden forbidden forbidden not_member not_member banned"},
	{"raise a member", "role", obj{"user": "bob", "role": "moderator"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"raise oneself", "role", obj{"user": "sub", "role": "owner"}, "ok forbidden forbidden forbidden forbidden not_member not_member banned"},
	{"post in a thread", "post", obj{"room": "~2", "cid": "c", "text": "x"}, "ok ok ok forbidden muted not_member not_member banned"},
	{"open a thread", "open", obj{"room": "~2"}, "ok ok ok ok ok ok ok banned"},
	{"history of a thread", "history", obj{"room": "~3"}, "ok ok ok ok ok ok ok banned"},
}

// TestAuthorisation sends each command in each state. What was done on one server
// holds on the other. A command that is refused changes nothing.
func TestAuthorisation(t *testing.T) {
	for _, c := range authorisations {
		want := strings.Fields(c.codes)
		for _, kind := range []chat.Kind{chat.Open, chat.Closed} {
			for i, state := range states {
				code := want[i]
				if kind == chat.Closed && (state == "stranger" || state == "kicked" || state == "banned") {
					code = "not_found"
				}
				t.Run(fmt.Sprintf("%s/%s/%s", c.name, kind, state), func(t *testing.T) {
					runFarm(t, 2, func(w *world, f *farm) { authorised(w, f, kind, state, c.event, c.arg, code) })
				})
			}
		}
	}
}

func authorised(w *world, f *farm, kind chat.Kind, state, command string, arg obj, code string) {
	w.Helper()
	w.room("r", kind, "bob")
	r := w.chat.Room("r")
	w.check(r.Add(ctx, "mod", chat.Moderator))
	for _, user := range []string{"sub", "bob", "bob"} {
		_, err := r.Post(ctx, user, chat.Draft{Text: "by " + user})
		w.check(err)
	}
	_, err := w.chat.Room("r~3").Post(ctx, "bob", chat.Draft{Text: "in a thread"})
	w.check(err)
	w.check(r.Ban(ctx, "exile", ""))
	put(w, "r", state)
	sub := connect(w, "sub", f.processes[1].dial)
	own, err := r.Message(ctx, 1)
	w.check(err)
	before := snapshot(w, f)
	full := obj{"room": "r"}
	for k, v := range arg {
		full[k] = v
	}
	if suffix, is := arg["room"].(string); is {
		full["room"] = "r" + suffix
	}
	if command == "edit" && arg["seq"] == 1 {
		full["ver"] = own.Ver
	}
	got := sub.do(command, full)
	if name := map[string]string{"": "ok"}[got.Data.Code] + got.Data.Code; name != code {
		w.Errorf("%s, want %s: %+v", name, code, got)
	}
	if code != "ok" && !reflect.DeepEqual(snapshot(w, f), before) {
		w.Error("a refused command has changed something")
	}
}

// snapshot returns all that the store has of r.
func snapshot(w *world, f *farm) []any {
	w.Helper()
	var all []any
	for _, room := range []string{"r", "r~2", "r~3"} {
		ch, err := f.db.Changes(ctx, room, 0, store.Limit{Rows: 1000, Bytes: 1 << 30})
		if store.CodeOf(err) == store.NotFound {
			continue
		}
		w.check(err)
		members, err := f.db.Members(ctx, room, "", 1000)
		w.check(err)
		all = append(all, *ch, members)
	}
	return all
}

// TestAuthorisationInDirectRooms sends commands as each of both users, as a
// blocked one, and as a stranger.
func TestAuthorisationInDirectRooms(t *testing.T) {
	for _, c := range []struct {
		event string
		arg   obj
		codes string // ann, ann blocked by bob, stranger
	}{
		{"open", obj{}, "ok ok not_found"},
		{"history", obj{}, "ok ok not_found"},
		{"members", obj{}, "ok ok not_found"},
		{"search", obj{"text": "hi"}, "ok ok not_found"},
		{"post", obj{"cid": "c", "text": "x"}, "ok blocked not_found"},
		{"delete", obj{"seq": 1}, "ok ok not_found"},
		{"react", obj{"seq": 2, "emoji": "x", "on": true}, "ok ok not_found"},
		{"report", obj{"seq": 2}, "ok ok not_found"},
		{"versions", obj{"seq": 2}, "forbidden forbidden not_found"},
		{"leave", obj{}, "ok ok not_found"},
		{"join", obj{}, "ok ok not_found"},
		{"notify", obj{"notify": "none"}, "ok ok not_found"},
		{"set", obj{"slowMode": 5}, "forbidden forbidden not_found"},
		{"add", obj{"user": "cy"}, "forbidden forbidden not_found"},
		{"kick", obj{"user": "bob"}, "forbidden forbidden not_found"},
		{"ban", obj{"user": "bob"}, "forbidden forbidden not_found"},
		{"mute", obj{"user": "bob", "until": 5}, "forbidden forbidden not_found"},
		{"role", obj{"user": "bob", "role": "reader"}, "forbidden forbidden not_found"},
	} {
		for i, state := range []string{"member", "blocked", "stranger"} {
			t.Run(c.event+"/"+state, func(t *testing.T) {
				runFarm(t, 2, func(w *world, f *farm) {
					bob := connect(w, "bob", f.processes[0].dial)
					ann := connect(w, "ann", f.processes[1].dial)
					room := ann.must("direct", obj{"user": "bob"}).Room
					ann.must("post", post(room, "1", "hi"))
					bob.must("post", post(room, "2", "ho"))
					if state == "blocked" {
						bob.must("block", obj{"user": "ann", "on": true})
					}
					if state == "stranger" {
						ann = connect(w, "cy", f.processes[1].dial)
					}
					full := obj{"room": room}
					for k, v := range c.arg {
						full[k] = v
					}
					got, want := ann.do(c.event, full), strings.Fields(c.codes)[i]
					if name := map[string]string{"": "ok"}[got.Data.Code] + got.Data.Code; name != want {
						w.Errorf("%s, want %s", name, want)
					}
				})
			})
		}
	}
}
