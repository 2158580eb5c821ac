package cluster

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A troubled adapter fails in some of its methods.
type troubled struct {
	adapter.Loopback
	methods atomic.Value // a space-separated string
	fail    func(ctx context.Context) error
}

func (a *troubled) check(ctx context.Context, method string) error {
	if in, _ := a.methods.Load().(string); strings.Contains(in, method) {
		return a.fail(ctx)
	}
	return nil
}

func (a *troubled) Publish(ctx context.Context, batch []*adapter.Message) []error {
	if err := a.check(ctx, "Publish"); err != nil {
		return adapter.Each(batch, func(*adapter.Message) error { return err })
	}
	return a.Loopback.Publish(ctx, batch)
}

func (a *troubled) Subscribe(ctx context.Context, s adapter.Subscriber) error {
	if err := a.check(ctx, "Subscribe"); err != nil {
		return err
	}
	return a.Loopback.Subscribe(ctx, s)
}

func (a *troubled) Servers(ctx context.Context, namespace string) (int, error) {
	if err := a.check(ctx, "Servers"); err != nil {
		return 0, err
	}
	return a.Loopback.Servers(ctx, namespace)
}

func TestAnAdapterThatFails(t *testing.T) {
	for how, fail := range map[string]func(ctx context.Context) error{
		"with an error": func(context.Context) error { return errors.New("cable cut") },
		"by a panic":    func(context.Context) error { panic("boom") },
		"by waiting":    func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) },
	} {
		for _, method := range []string{"Publish", "Subscribe", "Servers"} {
			t.Run(method+" "+how, func(t *testing.T) {
				in(t, func(t *testing.T) {
					bus := &troubled{fail: fail}
					p := newPeer(t, &bus.Loopback, "other")
					start := time.Now()
					bus.methods.Store(method)
					s := join(t, bus)
					if err := s.member.Publish(&adapter.Message{Type: adapter.SocketsJoin}); err != nil {
						t.Errorf("publishing: %v", err)
					}
					ctx, cancel := WithTimeout(context.Background())
					defer cancel()
					for _, err := range s.member.Ask(ctx, &adapter.Message{Type: adapter.FetchSockets}, adapter.FetchSocketsResponse) {
						if err == nil {
							t.Error("an answer")
						}
					}
					if d := time.Since(start); d > 16*time.Second {
						t.Errorf("it took %v", d)
					}
					wait(requestTimeout)
					s.mu.Lock()
					if len(s.logged) == 0 {
						t.Error("nothing is logged")
					}
					s.mu.Unlock()
					bus.methods.Store("")
					wait(requestTimeout + 2*subscribeRetry)
					p.heard()
					s.took()
					p.say(adapter.Message{Type: adapter.SocketsLeave})
					if took := s.took(); took != "5" {
						t.Errorf("obeyed %q when all is well again", took)
					}
					if err := s.member.Publish(&adapter.Message{Type: adapter.SocketsJoin}); err != nil {
						t.Error(err)
					}
					p.expect(adapter.SocketsJoin)
				})
			})
		}
	}
}

// A vault is an adapter that keeps one session, whatever it is asked for.
type vault struct {
	adapter.Loopback
	session *adapter.Session
	fail    func()
}

func (v *vault) PersistSession(_ context.Context, s *adapter.Session, _ time.Duration) error {
	v.fail()
	v.session = s
	return nil
}

func (v *vault) RestoreSession(context.Context, string, string, string) (*adapter.Session, []*adapter.Message, error) {
	v.fail()
	return v.session, []*adapter.Message{{}}, nil
}

func (v *vault) DeleteSession(context.Context, string, string) (bool, error) {
	v.fail()
	had := v.session != nil
	v.session = nil
	return had, nil
}

func (v *vault) Compare(a, b string) int {
	v.fail()
	return strings.Compare(a, b)
}

func TestStore(t *testing.T) {
	in(t, func(t *testing.T) {
		if join(t, new(adapter.Loopback)).member.Store() != nil {
			t.Error("an adapter without a log is a store")
		}
		v := &vault{fail: func() {}}
		s := join(t, v)
		store := s.member.Store()
		good := adapter.Session{Namespace: "/", PID: "pid", SocketID: "id", Data: text("1")}
		for what, change := range map[string]func(s *adapter.Session){
			"":                          func(*adapter.Session) {},
			"of another namespace":      func(s *adapter.Session) { s.Namespace = "/b" },
			"of another client":         func(s *adapter.Session) { s.PID = "other" },
			"without socket":            func(s *adapter.Session) { s.SocketID = "" },
			"with data that is no JSON": func(s *adapter.Session) { s.Data = text("{") },
		} {
			session := good
			change(&session)
			if err := store.Persist(&session, time.Minute); err != nil {
				t.Error(err)
			}
			kept, missed, err := store.Restore(context.Background(), "pid", "")
			if ok := what == ""; (kept != nil) != ok || (err == nil) != ok || (len(missed) == 1) != ok {
				t.Errorf("a session %s: %+v, %v, %v", what, kept, missed, err)
			}
		}
		if had, err := store.Delete("pid"); !had || err != nil {
			t.Errorf("%t, %v", had, err)
		}
		if store.Compare("a", "b") >= 0 || store.Compare("b", "a") <= 0 {
			t.Error("compared wrongly")
		}
		s.expectLog()
		v.fail = func() { panic("boom") }
		if store.Persist(&good, 0) == nil || store.Compare("a", "b") <= 0 {
			t.Error("a panic is no error")
		}
		if _, err := store.Delete("pid"); err == nil {
			t.Error("a panic is no error")
		}
		if _, _, err := store.Restore(context.Background(), "pid", ""); err == nil {
			t.Error("a panic is no error")
		}
		s.expectLog("Adapter.PersistSession", "Adapter.Compare", "Adapter.DeleteSession", "Adapter.RestoreSession")
	})
}
