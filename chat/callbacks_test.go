package chat_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// A callback is a chat with every function of the program, besides Trace and Logger,
// which must not call the chat.
type callback struct {
	*world
	files http.Handler
	mu    sync.Mutex
	next  map[string]func(p *chat.Posted) // what the next call of a function does, by function and room, user or file
}

func (w *callback) on(function, about string, f func(p *chat.Posted)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next[function+" "+about] = f
}

func (w *callback) called(function, about string, p *chat.Posted) error {
	key := function + " " + about
	w.mu.Lock()
	f := w.next[key]
	delete(w.next, key)
	w.mu.Unlock()
	if f != nil {
		f(p)
	}
	return nil
}

// withCallbacks runs f with a callback.
func withCallbacks(t *testing.T, durable bool, f func(w *callback)) {
	t.Helper()
	testserver.Run(t, nil, func(h *testserver.Harness) {
		w := &callback{next: make(map[string]func(p *chat.Posted))}
		w.world = serve(h, store.Memory(), func(o *chat.Options) { w.fill(o, durable) })
		w.files = w.chat.Files(calledBlobs{chat.Dir(t.TempDir()), w}, func(r *http.Request) (chat.User, error) {
			u, err := userOf(r)
			return u, errors.Join(err, w.called("auth", u.ID, nil))
		})
		f(w)
	})
}

func (w *callback) fill(o *chat.Options, durable bool) {
	type (
		user = chat.User
		room = chat.RoomInfo
	)
	o.Authenticate = func(ctx context.Context, s *socketio.Socket) (user, error) {
		u, err := authenticate(ctx, s)
		return u, errors.Join(err, w.called("Authenticate", u.ID, nil))
	}
	o.BeforePost = func(_ context.Context, d *chat.Draft) error { return w.called("BeforePost", d.Room, nil) }
	o.OnReport = func(_ context.Context, _ user, m chat.Message, _ string) error {
		return w.called("OnReport", m.Room, nil)
	}
	o.Users = func(_ context.Context, ids []string) ([]user, error) { return nil, w.called("Users", ids[0], nil) }
	o.OnPost = func(_ context.Context, p *chat.Posted) error { return w.called("OnPost", p.Room, p) }
	o.DurableHooks = durable
	o.RetentionOf = func(r room) (none chat.Retention) { w.called("RetentionOf", r.ID, nil); return none }
	o.Policy = chat.Policy{
		CanJoin: func(_ context.Context, _ user, r room) (chat.Role, error) {
			return chat.Writer, w.called("CanJoin", r.ID, nil)
		},
		CanRead:     func(_ context.Context, _ user, r room) error { return w.called("CanRead", r.ID, nil) },
		CanPost:     func(_ context.Context, _ user, r room, _ *chat.Draft) error { return w.called("CanPost", r.ID, nil) },
		CanCreate:   func(_ context.Context, u user, _ room) error { return w.called("CanCreate", u.ID, nil) },
		CanModerate: func(_ context.Context, _ user, r room, _, _ string) error { return w.called("CanModerate", r.ID, nil) },
		CanSee:      func(_ context.Context, u user, _ string) error { return w.called("CanSee", u.ID, nil) },
	}
}

// calledBlobs are Blobs that are functions of the program.
type calledBlobs struct {
	chat.Blobs
	w *callback
}

type uploader struct{}

func (b calledBlobs) Put(ctx context.Context, id string, r io.Reader) error {
	user, _ := ctx.Value(uploader{}).(string)
	return errors.Join(b.w.called("Put", user, nil), b.Blobs.Put(ctx, id, r))
}

func (b calledBlobs) Open(ctx context.Context, id string) (io.ReadSeekCloser, error) {
	_ = b.w.called("Open", id, nil)
	return b.Blobs.Open(ctx, id)
}

func (b calledBlobs) Delete(ctx context.Context, id string) error {
	return errors.Join(b.w.called("Delete", id, nil), b.Blobs.Delete(ctx, id))
}

// request makes a request for a file, and returns the id of what it has uploaded.
func (w *callback) request(user, method, id string) string {
	r := httptest.NewRequest(method, "/files/"+id, strings.NewReader("x"))
	r.Header.Set("User", user)
	rec := httptest.NewRecorder()
	w.files.ServeHTTP(rec, r.WithContext(context.WithValue(ctx, uploader{}, user)))
	_, id, _ = strings.Cut(rec.Body.String(), `"id":"`)
	id, _, _ = strings.Cut(id, `"`)
	return id
}

// begin lets a user send a command, without waiting for the reply.
func (w *callback) begin(user, command string, arg obj) func() {
	s := w.connect(user)
	return func() { s.send(command, arg) }
}

// functions are the functions of the program, each with a way to have it called: the
// room, user or file of the call, and what causes it. The user owns the room, which
// has one message of the user.
var functions = []struct {
	name    string
	prepare func(w *callback, user, room string) (about string, cause func())
}{
	{"Authenticate", func(w *callback, user, _ string) (string, func()) {
		return user, newStock(w.T, user, w.h.Dial).start
	}},
	{"BeforePost", func(w *callback, user, room string) (string, func()) {
		return room, w.begin(user, "post", post(room, "c", "x"))
	}},
	{"CanPost", func(w *callback, user, room string) (string, func()) {
		return room, w.begin(user, "edit", obj{"room": room, "seq": 1, "ver": 3, "text": "y"})
	}},
	{"OnPost", func(w *callback, user, room string) (string, func()) {
		return room, w.begin(user, "post", post(room, "c", "x"))
	}},
	{"OnReport", func(w *callback, user, room string) (string, func()) {
		return room, w.begin(user, "report", obj{"room": room, "seq": 1})
	}},
	{"Users", func(w *callback, user, _ string) (string, func()) {
		return user, w.begin(user, "users", obj{"users": []string{user}})
	}},
	{"CanSee", func(w *callback, user, _ string) (string, func()) {
		return user, w.begin(user, "watch", obj{"users": []string{"other"}})
	}},
	{"CanJoin", func(w *callback, user, room string) (string, func()) {
		return room, w.begin("x"+user, "join", obj{"room": room})
	}},
	{"CanRead", func(w *callback, user, room string) (string, func()) {
		return room, w.begin("x"+user, "history", obj{"room": room})
	}},
	{"CanRead for the list of rooms", func(w *callback, user, room string) (string, func()) {
		return room, newStock(w.T, user, w.h.Dial).start
	}},
	{"CanRead about a follower", func(w *callback, user, room string) (string, func()) {
		w.connect(user).open(room)
		return room, func() {}
	}},
	{"CanCreate", func(w *callback, user, _ string) (string, func()) {
		return user, w.begin(user, "direct", obj{"user": "other"})
	}},
	{"CanModerate", func(w *callback, user, room string) (string, func()) {
		return room, w.begin(user, "kick", obj{"room": room, "user": "other"})
	}},
	{"RetentionOf", func(_ *callback, _, room string) (string, func()) { return room, func() {} }},
	{"auth", func(w *callback, user, _ string) (string, func()) {
		return user, func() { w.request(user, "GET", "x") }
	}},
	{"Put", func(w *callback, user, _ string) (string, func()) {
		return user, func() { w.request(user, "POST", "") }
	}},
	{"Open", func(w *callback, user, _ string) (string, func()) {
		id := w.request(user, "POST", "")
		return id, func() { w.request(user, "GET", id) }
	}},
	{"Delete", func(w *callback, user, _ string) (string, func()) {
		id := w.request(user, "POST", "")
		return id, func() {
			_, err := w.store.Commit(ctx, []store.Op{store.DropFile{ID: id}}) // what a crash may leave
			w.check(err)
		}
	}},
}

// An operation is a method of a room, or of the user that owns it.
type operation func(r *chat.Room, u *chat.UserHandle) error

// operations are the operations that change something, by their names.
var operations = map[string]operation{
	"Create":  func(r *chat.Room, _ *chat.UserHandle) error { return r.Create(ctx, chat.RoomInfo{Kind: chat.Open}) },
	"Set":     func(r *chat.Room, _ *chat.UserHandle) error { return r.Set(ctx, chat.RoomInfo{SlowMode: 1}) },
	"Delete":  func(r *chat.Room, _ *chat.UserHandle) error { return r.Delete(ctx) },
	"Add":     func(r *chat.Room, _ *chat.UserHandle) error { return r.Add(ctx, "new", chat.Writer) },
	"Kick":    func(r *chat.Room, _ *chat.UserHandle) error { return r.Kick(ctx, ownerOf(r), "") },
	"Ban":     func(r *chat.Room, _ *chat.UserHandle) error { return r.Ban(ctx, ownerOf(r), "") },
	"Unban":   func(r *chat.Room, _ *chat.UserHandle) error { return r.Unban(ctx, ownerOf(r)) },
	"Mute":    func(r *chat.Room, _ *chat.UserHandle) error { return r.Mute(ctx, ownerOf(r), 1<<50) },
	"SetRole": func(r *chat.Room, _ *chat.UserHandle) error { return r.SetRole(ctx, "other", chat.Reader) },
	"Post": func(r *chat.Room, _ *chat.UserHandle) error {
		return second(r.Post(ctx, ownerOf(r), chat.Draft{Text: "y"}))
	},
	"Edit":          func(r *chat.Room, _ *chat.UserHandle) error { return r.Edit(ctx, "", 1, chat.Draft{Text: "z"}) },
	"DeleteMessage": func(r *chat.Room, _ *chat.UserHandle) error { return r.DeleteMessage(ctx, "", 1, "") },
	"Emit":          func(_ *chat.Room, u *chat.UserHandle) error { return u.Emit("hello", 1) },
	"Disconnect":    func(_ *chat.Room, u *chat.UserHandle) error { u.Disconnect(); return nil },
	"Direct":        func(_ *chat.Room, u *chat.UserHandle) error { return second(u.Direct(ctx, "other")) },
	"Erase":         func(_ *chat.Room, u *chat.UserHandle) error { return u.Erase(ctx) },
	"the readers": func(r *chat.Room, u *chat.UserHandle) (err error) {
		for _, read := range readers {
			err = errors.Join(err, read(r, u))
		}
		return err
	},
}

// readers are the other operations.
var readers = map[string]operation{
	"ID":       func(r *chat.Room, _ *chat.UserHandle) error { _ = r.ID(); return nil },
	"Info":     func(r *chat.Room, _ *chat.UserHandle) error { return second(r.Info(ctx)) },
	"Message":  func(r *chat.Room, _ *chat.UserHandle) error { return second(r.Message(ctx, 1)) },
	"History":  func(r *chat.Room, _ *chat.UserHandle) error { return second(r.History(ctx, 0, 10)) },
	"All":      func(r *chat.Room, _ *chat.UserHandle) error { return all(r.All(ctx), nil) },
	"Rooms":    func(_ *chat.Room, u *chat.UserHandle) error { return all(u.Rooms(ctx), nil) },
	"Presence": func(_ *chat.Room, u *chat.UserHandle) error { _ = u.Presence(); return nil },
	"Export":   func(_ *chat.Room, u *chat.UserHandle) error { return u.Export(ctx, io.Discard) },
	"Members": func(r *chat.Room, _ *chat.UserHandle) error {
		return all(r.Members(ctx), func(m chat.Member) error { return r.Mute(ctx, m.User, 0) })
	},
}

// second returns the error of a call that has another result, too.
func second[T any](_ T, err error) error { return err }

// all returns the errors of a sequence, and calls f for each value.
func all[T any](values iter.Seq2[T, error], f func(T) error) (err error) {
	for v, e := range values {
		if err = errors.Join(err, e); f != nil {
			err = errors.Join(err, f(v))
		}
	}
	return err
}

// ownerOf returns the user that owns a room of these tests.
func ownerOf(r *chat.Room) string { return "u" + r.ID() }

// TestFunctionsThatCallTheChat lets each function of the program call each operation,
// for the room that it was called for and its owner. No operation waits for the
// function that calls it.
func TestFunctionsThatCallTheChat(t *testing.T) {
	for _, of := range []any{(*chat.Room)(nil), (*chat.UserHandle)(nil)} {
		for i := range reflect.TypeOf(of).NumMethod() {
			if name := reflect.TypeOf(of).Method(i).Name; operations[name] == nil && readers[name] == nil {
				t.Errorf("%T.%s is not among the operations", of, name)
			}
		}
	}
	eachFunction(t, func(w *callback, prepare func(room string, do func(p *chat.Posted))) {
		results := make(map[string]error)
		for name, do := range operations {
			room := strings.ReplaceAll(name, " ", "-")
			prepare(room, func(*chat.Posted) {
				began := time.Now()
				err := do(w.chat.Room(room), w.chat.User("u"+room))
				if time.Since(began) > 0 {
					w.Errorf("%s has waited for %v", name, time.Since(began))
				}
				w.mu.Lock()
				defer w.mu.Unlock()
				results[name] = err
			})
		}
		testserver.Wait(2 * time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		for name := range operations {
			if err, over := results[name]; !over || err != nil {
				w.Errorf("%s: over %v, error %v", name, over, err)
			}
		}
	})
}

// eachFunction runs f for each function of the program. Prepare makes a room, and has
// the function called for it, or for its owner; the function then calls do.
func eachFunction(t *testing.T, f func(w *callback, prepare func(room string, do func(p *chat.Posted)))) {
	for _, function := range functions {
		for _, durable := range []bool{false, true} {
			if durable && function.name != "OnPost" {
				continue
			}
			t.Run(function.name, func(t *testing.T) {
				withCallbacks(t, durable, func(w *callback) {
					f(w, func(room string, do func(p *chat.Posted)) {
						user := "u" + room
						w.room(room, chat.Open, "other")
						w.check(w.chat.Room(room).Add(ctx, user, chat.Owner))
						_, err := w.chat.Room(room).Post(ctx, user, chat.Draft{Text: "hello"})
						w.check(err)
						about, cause := function.prepare(w, user, room)
						testserver.Wait(time.Second) // OnPost has got the message
						w.on(strings.Fields(function.name)[0], about, do)
						go cause()
					})
				})
			})
		}
	}
}

// TestFunctionsThatClose lets each function of the program call Close.
func TestFunctionsThatClose(t *testing.T) {
	eachFunction(t, func(w *callback, prepare func(room string, do func(p *chat.Posted))) {
		over := make(chan error, 1)
		prepare("r", func(p *chat.Posted) {
			began := time.Now()
			err := w.chat.Close()
			if took := time.Since(began); took > 10*time.Second {
				w.Errorf("Close has taken %v", took)
			}
			if late := err != nil; late != (p != nil) {
				w.Errorf("error %v", err)
			}
			over <- err
		})
		testserver.Wait(2 * time.Minute)
		select {
		case <-over:
		default:
			w.Error("Close has not returned")
		}
	})
}

// TestCloseWhileFunctionsDoNotReturn closes a chat while a function of the program
// waits for ever.
func TestCloseWhileFunctionsDoNotReturn(t *testing.T) {
	eachFunction(t, func(w *callback, prepare func(room string, do func(p *chat.Posted))) {
		waits, never := make(chan struct{}), make(chan struct{})
		w.Cleanup(func() { close(never) })
		prepare("r", func(*chat.Posted) {
			close(waits)
			<-never
		})
		<-waits
		began := time.Now()
		_ = w.chat.Close()
		if took := time.Since(began); took > 10*time.Second {
			w.Errorf("Close has taken %v", took)
		}
	})
}
