package chat_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/socketiotest"
)

// commands are valid arguments of each command, sent by the owner of r.
var commands = map[string]obj{
	"open":      {"room": "r", "epoch": "x", "rev": 3},
	"close":     {"room": "r"},
	"post":      {"room": "r", "cid": "c", "text": "x", "data": obj{"a": 1}, "files": []string{}, "replyTo": 1, "mentions": []string{"bob"}},
	"edit":      {"room": "r", "seq": 1, "ver": 3, "text": "x", "data": obj{"a": 1}, "mentions": []string{"bob"}},
	"delete":    {"room": "r", "seq": 1, "reason": "x"},
	"react":     {"room": "r", "seq": 1, "emoji": "x", "on": true},
	"history":   {"room": "r", "before": 3, "limit": 5},
	"search":    {"text": "by", "room": "r", "after": "", "limit": 5},
	"rooms":     {"after": "a", "limit": 5},
	"members":   {"room": "r", "after": "a", "limit": 5},
	"read":      {"room": "r", "seq": 1, "gen": 0},
	"delivered": {"room": "r", "seq": 1, "gen": 0},
	"unread":    {"room": "r", "seq": 1, "gen": 0},
	"typing":    {"room": "r"},
	"active":    {"room": "r", "idle": true},
	"watch":     {"users": []string{"bob"}},
	"users":     {"users": []string{"bob"}},
	"blocks":    {},
	"report":    {"room": "r", "seq": 1, "reason": "x"},
	"versions":  {"room": "r", "seq": 1},
	"join":      {"room": "r"},
	"leave":     {"room": "r"},
	"create":    {"cid": "c", "kind": "open", "info": obj{"a": 1}, "visibility": "joined", "slowMode": 5},
	"direct":    {"user": "bob"},
	"notify":    {"room": "r", "notify": "all"},
	"set":       {"room": "r", "info": obj{"a": 1}, "slowMode": 5, "visibility": "joined", "archived": false, "pin": 1, "unpin": 2},
	"block":     {"user": "bob", "on": true},
	"add":       {"room": "r", "user": "new", "role": "reader"},
	"kick":      {"room": "r", "user": "bob", "reason": "x"},
	"ban":       {"room": "r", "user": "bob", "reason": "x", "purge": 1000},
	"unban":     {"room": "r", "user": "bob", "reason": "x"},
	"mute":      {"room": "r", "user": "bob", "until": 1, "reason": "x"},
	"role":      {"room": "r", "user": "bob", "role": "reader", "reason": "x"},
}

// required are the fields that a command can not do without.
var required = map[string][]string{
	"open": {"room"}, "close": {"room"}, "post": {"room", "cid"}, "edit": {"room", "seq", "ver"}, "delete": {"room", "seq"},
	"read": {"room", "seq"}, "delivered": {"room", "seq"}, "unread": {"room", "seq"}, "typing": {"room"}, "watch": {"users"}, "users": {"users"},
	"report": {"room", "seq"}, "versions": {"room", "seq"},
	"react": {"room", "seq", "emoji", "on"}, "history": {"room"}, "search": {"text"}, "members": {"room"}, "join": {"room"}, "leave": {"room"},
	"create": {"cid", "kind"}, "direct": {"user"}, "notify": {"room", "notify"}, "set": {"room"}, "block": {"user", "on"},
	"add": {"room", "user"}, "kick": {"room", "user"}, "ban": {"room", "user"}, "unban": {"room", "user"},
	"mute": {"room", "user", "until"}, "role": {"room", "user", "role"},
}

// bad are values that no field takes, by the kind of its valid value.
func bad(valid any) []any {
	long := strings.Repeat("x", 100_000)
	switch valid.(type) {
	case string:
		return []any{5, true, []any{}, obj{}, long, "\x00", "a\x00b"}
	case int:
		return []any{"1", true, 1.5, -1, 1 << 60, []any{}, obj{}, json.RawMessage("1e400")}
	case bool:
		return []any{"true", 1, []any{}, obj{}}
	case []string:
		return []any{"x", 5, obj{}, []any{5}, []any{nil, ""}, []any{long}, slices.Repeat([]string{"u"}, 300)}
	case obj: // any JSON, within its size
		return []any{obj{"a": long}, long, []any{long}}
	}
	panic(fmt.Sprintf("%T", valid))
}

// inputs runs f with a room r that clients must not spoil.
func inputs(t *testing.T, f func(w *world, owner *stock, unchanged func(what string, r reply))) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "bob")
		w.room("private", chat.Closed, "bob")
		w.check(w.chat.Room("r").Add(ctx, "owner", chat.Owner))
		for _, user := range []string{"owner", "bob"} {
			_, err := w.chat.Room("r").Post(ctx, user, chat.Draft{Text: "by " + user})
			w.check(err)
		}
		owner := w.connect("owner")
		state := func() []any {
			var all []any
			for _, room := range []string{"r", "private"} {
				ch, err := w.store.Changes(ctx, room, 0, store.Limit{Rows: 1000, Bytes: 1 << 30})
				w.check(err)
				members, err := w.store.Members(ctx, room, "", 1000)
				w.check(err)
				all = append(all, *ch, members)
			}
			mine, err := w.store.Memberships(ctx, "owner", "", 100)
			w.check(err)
			return append(all, len(mine))
		}
		before := state()
		f(w, owner, func(what string, r reply) {
			w.Helper()
			if r.Data.Code == "internal" || r.Error != "" && codes[store.Code(r.Data.Code)] == nil {
				w.Errorf("%s: error %q, code %q", what, r.Error, r.Data.Code)
			}
			now := state()
			if r.Error != "" && !reflect.DeepEqual(now, before) {
				w.Errorf("%s: was refused, and has changed something", what)
			}
			before = now
		})
		synctest.Wait()
	})
}

// TestBadArguments sends each command with each field missing, null, of a wrong
// type, and huge.
func TestBadArguments(t *testing.T) {
	inputs(t, func(w *world, owner *stock, unchanged func(string, reply)) {
		for name, valid := range commands {
			for _, arg := range []any{nil, 5, "x", []any{}, []any{obj{}}, true} {
				r := owner.do(name, arg)
				if unchanged(fmt.Sprintf("%s %v", name, arg), r); r.Data.Code != "bad_request" && (arg != nil || required[name] != nil) {
					w.Errorf("%s %v: %+v", name, arg, r)
				}
			}
			for field, value := range valid {
				for _, v := range bad(value) {
					arg := obj{}
					for k, x := range valid {
						arg[k] = x
					}
					arg[field] = v
					r := owner.do(name, arg)
					what := fmt.Sprintf("%s with %s = %.40v", name, field, fmt.Sprint(v))
					if unchanged(what, r); r.Data.Code != "bad_request" && r.Data.Code != "too_large" {
						if field == "epoch" || field == "after" && v == "\x00" { // any string is an epoch
							continue
						}
						w.Errorf("%s: %+v", what, r)
					}
				}
			}
			for _, field := range required[name] {
				for _, null := range []bool{false, true} {
					arg := obj{}
					for k, x := range valid {
						arg[k] = x
					}
					if delete(arg, field); null {
						arg[field] = nil
					}
					r := owner.do(name, arg)
					if unchanged(name+" without "+field, r); r.Data.Code != "bad_request" || r.Data.Field != field {
						w.Errorf("%s without %s: code %q, field %q", name, field, r.Data.Code, r.Data.Field)
					}
				}
			}
		}
	})
}

// TestForeignArguments names rooms, messages and users of others.
func TestForeignArguments(t *testing.T) {
	inputs(t, func(w *world, owner *stock, unchanged func(string, reply)) {
		for name, valid := range commands {
			if valid["room"] == nil {
				continue
			}
			for _, room := range []string{"private", "missing", "private~1", "r~99", store.Direct("bob", "cy"), "~" + strings.Repeat("A", 43)} {
				arg := obj{}
				for k, x := range valid {
					arg[k] = x
				}
				arg["room"] = room
				r := owner.do(name, arg)
				if unchanged(name+" in "+room, r); !slices.Contains([]string{"close", "typing", "active"}, name) && r.Data.Code != "not_found" && room != "r~99" {
					w.Errorf("%s in %s: %+v", name, room, r)
				}
			}
			for _, room := range []string{"", ".", "-a", "_", "a b", "a/b", "ä", "a~b", "~", "~x", "r~0", "r~01", "r~-1", "r~1~1", "r~", "__proto__", strings.Repeat("x", 65)} {
				arg := obj{}
				for k, x := range valid {
					arg[k] = x
				}
				arg["room"] = room
				r := owner.do(name, arg)
				if (name == "active" || name == "search") && room == "" {
					continue // no room is in front, and a search is in all
				}
				if unchanged(name+" in "+room, r); r.Data.Code != "bad_request" || r.Data.Field != "room" {
					w.Errorf("%s in %q: %+v", name, room, r)
				}
			}
		}
	})
}

// TestRepeatedCommands sends each command several times, also before the first is
// answered: what can be done once is done once.
func TestRepeatedCommands(t *testing.T) {
	for name, arg := range commands {
		t.Run(name, func(t *testing.T) {
			inputs(t, func(w *world, owner *stock, _ func(string, reply)) {
				if name == "edit" {
					m, err := w.chat.Room("r").Message(ctx, 1)
					w.check(err)
					arg = obj{"room": "r", "seq": 1, "ver": m.Ver, "text": "x"}
				}
				first := owner.do(name, arg)
				head, err := w.store.Heads(ctx, []string{"r"})
				w.check(err)
				for range 3 {
					if again := owner.do(name, arg); again.Data.Code != first.Data.Code {
						w.Errorf("code %q, then %q", first.Data.Code, again.Data.Code)
					}
				}
				now, err := w.store.Heads(ctx, []string{"r"})
				w.check(err)
				if !reflect.DeepEqual(now, head) {
					w.Errorf("the first has brought %+v, the repetitions %+v", head, now)
				}
			})
		})
	}
}

// FuzzCommands sends any argument to any command.
func FuzzCommands(f *testing.F) {
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range commands {
			if !yield(name) {
				return
			}
		}
	})
	for i, name := range names {
		text, err := json.Marshal(commands[name])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), text)
	}
	f.Add(byte(0), []byte(`{"room":"r","rev":-1}`))
	f.Add(byte(3), []byte(`{"room":"r","ROOM":"private"}`))
	f.Fuzz(func(t *testing.T, which byte, arg []byte) {
		if !json.Valid(arg) || !utf8.Valid(arg) {
			return // the server of the events refuses it
		}
		inputs(t, func(w *world, owner *stock, unchanged func(string, reply)) {
			name := names[int(which)%len(names)]
			for range 2 {
				unchanged(name, owner.do(name, json.RawMessage(arg)))
			}
		})
	})
}

// TestBinaryData sends a Buffer in data, which is JSON.
func TestBinaryData(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		client := socketiotest.NewServer(w.T, w.h.Server).Connect(&socketiotest.Options{Namespace: "/chat", Auth: obj{"user": "ann"}})
		for i, data := range []any{[]byte("abc"), obj{"a": []byte("abc")}} {
			got := socketiotest.Call[reply](client, "post", obj{"room": "r", "cid": fmt.Sprint("c", i), "text": "x", "data": data})
			if got.Data.Code != "bad_request" {
				w.Errorf("%v: %+v", data, got)
			}
		}
	})
}
