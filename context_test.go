package socketio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestContextOfASocket holds that package context treats a socket's context as
// one of its own.
func TestContextOfASocket(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		c := h.Connect(rawclient.WebSocket)
		ctx := h.AnySocket(h.Of("/")).Context()
		type key struct{}
		child, cancel := context.WithTimeout(context.WithValue(ctx, key{}, "value"), time.Hour)
		defer cancel()
		stopped, called, after := false, make(chan string, 3), "after the end"
		stop := context.AfterFunc(ctx, func() { stopped = true })
		context.AfterFunc(ctx, func() { called <- "of the socket" })
		context.AfterFunc(child, func() { called <- "of the child" })
		synctest.Wait()
		if ctx.Err() != nil || context.Cause(ctx) != nil || child.Err() != nil || !stop() || stop() {
			t.Error("the context has ended before the socket")
		}
		if _, has := ctx.Deadline(); has || child.Value(key{}) != "value" {
			t.Error("a deadline, or no value")
		}
		c.Drop()
		synctest.Wait()
		for _, ctx := range []context.Context{ctx, child} {
			<-ctx.Done()
			if ctx.Err() != context.Canceled || !errors.Is(context.Cause(ctx), socketio.ErrDisconnected) {
				t.Errorf("%v, cause %v", ctx.Err(), context.Cause(ctx))
			}
		}
		late, cancel := context.WithCancel(ctx)
		defer cancel()
		context.AfterFunc(ctx, func() { called <- after })
		synctest.Wait()
		if late.Err() == nil || !errors.Is(context.Cause(late), socketio.ErrDisconnected) || len(called) != 3 || stopped {
			t.Errorf("late context: %v, cause %v; %d functions called; a stopped one: %v", late.Err(), context.Cause(late), len(called), stopped)
		}
	})
}
