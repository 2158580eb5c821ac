package chat_test

import (
	"context"
	"errors"
	"io"

	"net/http/httptest"
	"reflect"
	"regexp"

	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// refusedNew calls New, which must return an error with this text.
func refusedNew(t testing.TB, ns *socketio.Namespace, o *chat.Options, text string) {
	t.Helper()
	c, err := chat.New(ns, o)
	if err == nil {
		_ = c.Close()
	}
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("New returns %v, want an error with %q", err, text)
	}
}

// TestOneChatOfANamespace makes a second chat of a namespace, whose clients would get
// each event twice. The first chat goes on, and others have namespaces of their own.
func TestOneChatOfANamespace(t *testing.T) {
	run(t, nil, func(w *world) {
		o := &chat.Options{Authenticate: authenticate}
		refusedNew(w, w.h.Of("/chat"), o, "the namespace /chat has a chat already")
		w.room("r", chat.Open, "ann")
		ann := w.connect("ann")
		refusedNew(w, w.h.Of("/chat"), o, "the namespace /chat has a chat already")
		ann.open("r")
		ann.must("post", post("r", "1", "x"))
		testserver.Wait(10 * time.Second)
		for name, want := range map[string]int{"ready": 1, "changes": 1, "reply to open": 1, "reply to post": 1} {
			if got := ann.named(name); len(got) != want {
				w.Errorf("%d times %s: %s", len(got), name, got)
			}
		}
		for _, ns := range []*socketio.Namespace{w.h.Of("/other"), w.h.Of("/"), socketio.NewServer(nil).Of("/chat")} {
			if c, err := chat.New(ns, o); err != nil {
				w.Error(err)
			} else {
				w.check(c.Close())
				refusedNew(w, ns, o, "has a chat already") // the handlers of the first one are there
			}
		}
	})
}

// TestNamespacesWithoutChat calls New with namespaces that cannot have a chat. A
// program that mends its mistake gets one.
func TestNamespacesWithoutChat(t *testing.T) {
	o := &chat.Options{Authenticate: authenticate}
	refusedNew(t, nil, o, "namespace")
	testserver.Run(t, nil, func(h *testserver.Harness) {
		all := func(context.Context, string, *socketio.Handshake) bool { return true }
		refusedNew(t, h.OfFunc(all), o, "parent")
		refusedNew(t, h.OfPattern(regexp.MustCompile("^/x")), o, "parent")
		ns := h.Of("/chat")
		refusedNew(t, ns, nil, "Authenticate")
		client := h.Open(rawclient.WebSocket)
		client.Enter("/chat")
		refusedNew(t, ns, o, "the namespace /chat has 1 clients already")
		client.Drop()
		testserver.Wait(time.Minute)
		c, err := chat.New(ns, o)
		if err != nil {
			t.Fatal(err)
		}
		h.Server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestClientDuringNew has a client pass the middleware before New, and connect after
// it: it is disconnected, because nobody has authenticated it.
func TestClientDuringNew(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		ns := h.Of("/chat")
		begun, done := make(chan struct{}), make(chan struct{})
		ns.Use(func(context.Context, *socketio.Socket) error {
			close(begun)
			<-done
			return nil
		})
		client := h.Open(rawclient.WebSocket)
		client.Send("40/chat,")
		<-begun
		c, err := chat.New(ns, &chat.Options{Authenticate: authenticate})
		if err != nil {
			t.Fatal(err)
		}
		close(done)
		client.Match(`^40/chat,`)
		client.Expect("41/chat,")
		h.Server.Close()
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestCloseTwice calls Close while another call waits for OnPost: it returns after
// that one, and the same.
func TestCloseTwice(t *testing.T) {
	run(t, func(o *chat.Options) {
		o.OnPost = func(context.Context, *chat.Posted) error {
			<-time.After(time.Minute)
			return nil
		}
	}, func(w *world) {
		w.room("r", chat.Open)
		_, err := w.chat.Room("r").Post(ctx, "ann", chat.Draft{Text: "x"})
		w.check(err)
		w.h.Server.Close()
		began, first := time.Now(), make(chan error, 1)
		go func() { first <- w.chat.Close() }()
		synctest.Wait()
		second := w.chat.Close()
		if took := time.Since(began); took != 10*time.Second {
			w.Errorf("the second Close has taken %v", took)
		}
		if err := <-first; err == nil || !errors.Is(second, err) || !errors.Is(w.chat.Close(), err) {
			w.Errorf("Close has returned %v, and then %v", err, second)
		}
		if _, err := w.store.Heads(ctx, []string{"r"}); !errors.Is(err, store.ErrUnavailable) {
			w.Errorf("the store says %v", err)
		}
		testserver.Wait(2 * time.Minute)
	})
}

// TestUseAfterClose calls each method of handles after Close: they return
// ErrUnavailable, and change nothing.
func TestUseAfterClose(t *testing.T) {
	run(t, nil, func(w *world) {
		w.room("r", chat.Open, "ann")
		r, u := w.chat.Room("r"), w.chat.User("ann")
		files := w.chat.Files(chat.Dir(t.TempDir()), userOf)
		w.h.Server.Close()
		w.check(w.chat.Close())
		plain := map[string]bool{"ID": true, "Presence": true, "Disconnect": true, "Emit": true} // need no store
		for _, handle := range []any{r, u} {
			v := reflect.ValueOf(handle)
			for i := range v.NumMethod() {
				name := v.Type().Method(i).Name
				err := callAny(v.Method(i))
				if !plain[name] && !errors.Is(err, chat.ErrUnavailable) {
					w.Errorf("%T.%s: %v", handle, name, err)
				}
			}
		}
		answer := httptest.NewRecorder()
		request := httptest.NewRequest("GET", "/files/"+strings.Repeat("a", 26), nil)
		request.Header.Set("User", "ann")
		files.ServeHTTP(answer, request)
		if answer.Code != 503 {
			w.Errorf("files answer %d: %s", answer.Code, answer.Body)
		}
	})
}

// callAny calls a method with arguments that are valid in most methods, and returns
// its error.
func callAny(method reflect.Value) error {
	examples := map[reflect.Type]any{
		reflect.TypeFor[context.Context](): ctx, reflect.TypeFor[string](): "bob", reflect.TypeFor[int64](): int64(1), reflect.TypeFor[int](): 10,
		reflect.TypeFor[chat.Role](): chat.Writer, reflect.TypeFor[chat.RoomInfo](): chat.RoomInfo{Kind: chat.Open},
		reflect.TypeFor[chat.Draft](): chat.Draft{Text: "x"}, reflect.TypeFor[io.Writer](): io.Discard,
	}
	var args []reflect.Value
	for i := range method.Type().NumIn() {
		if in := method.Type().In(i); !method.Type().IsVariadic() || i < method.Type().NumIn()-1 {
			args = append(args, reflect.ValueOf(examples[in]))
		}
	}
	for _, result := range method.Call(args) {
		if err, is := result.Interface().(error); is {
			return err
		}
		if result.Kind() == reflect.Func { // an iterator
			for _, err := range result.Seq2() {
				return err.Interface().(error)
			}
		}
	}
	return nil
}
