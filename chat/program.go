package chat

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// errPanic stands for a panic of a function of the program.
var errPanic = errors.New("a panic of the program")

// guard calls a function of the program, on goroutines whose panic would end the
// process. A panic becomes an error.
func (c *Chat) guard(call func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("chat: a function of the program has panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("%w: %v", errPanic, p)
		}
	}()
	return call()
}

// ask asks the program, on goroutines whose panic would end the process, or that
// others wait for. If ctx ends first, it returns the error of ctx.
func (c *Chat) ask(ctx context.Context, f func() error) error {
	return c.guard(func() error { return inTime(ctx, f) })
}

// inTime calls a function of the program. If ctx ends first, it returns the error
// of ctx, and does not wait for a function that pays no attention to that. A
// panic of the function is one of the caller.
func inTime(ctx context.Context, f func() error) error {
	done := make(chan func() error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				text := fmt.Sprintf("%v\n%s", p, debug.Stack())
				done <- func() error { panic(text) }
			}
		}()
		err := f()
		done <- func() error { return err }
	}()
	select {
	case result := <-done:
		return result()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// guardTrace makes a panic of a function of Options.Trace be logged, because
// these functions run on goroutines that serve everybody.
func (c *Chat) guardTrace() {
	t, guard := c.opts.Trace, func(call func()) {
		_ = c.guard(func() error { call(); return nil })
	}
	if t.Committed != nil {
		c.opts.Trace.Committed = func(ops int, took time.Duration) { guard(func() { t.Committed(ops, took) }) }
	}
	if t.Delivered != nil {
		c.opts.Trace.Delivered = func(room string, rev int64) { guard(func() { t.Delivered(room, rev) }) }
	}
	if t.CaughtUp != nil {
		c.opts.Trace.CaughtUp = func(room string, from, to int64, why string) { guard(func() { t.CaughtUp(room, from, to, why) }) }
	}
	if t.Refused != nil {
		c.opts.Trace.Refused = func(command string, code Code) { guard(func() { t.Refused(command, code) }) }
	}
}
