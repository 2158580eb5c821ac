package chat

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"time"
	"weak"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat/store"
)

// New starts a chat on a namespace, before the server has clients. A namespace has
// one chat for as long as the server lives; a parent, as [socketio.Server.OfFunc]
// returns it, has none. The program must not add handlers for the commands of a chat
// to the same namespace.
func New(ns *socketio.Namespace, o *Options) (*Chat, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if ns == nil || ns.Name() == "" {
		return nil, errors.New("chat: New needs a namespace of its own, not a parent of namespaces")
	}
	c := &Chat{
		opts:     *o,
		limits:   o.Limits.withDefaults(),
		ns:       ns,
		store:    o.Store,
		log:      o.Logger,
		id:       rand.Text(),
		over:     make(chan struct{}),
		live:     make(map[string]*live),
		sockets:  make(map[*socketio.Socket]*device),
		entering: make(map[*socketio.Socket]func() bool),
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.store == nil {
		c.store = store.Memory()
		c.log.Warn("chat: rooms are kept in memory only, because Options.Store is nil")
	}
	if o.DurableHooks && o.OnPost != nil {
		kept, is := c.store.(store.Outbox)
		if !is {
			return nil, errors.New("chat: the store has no outbox, which Options.DurableHooks needs")
		}
		c.outbox = &outbox{store: kept, wake: make(chan struct{}, 1), workers: make(map[string]*worker)}
	}
	c.guardTrace()
	c.opts.LargeRoom = orDefault(o.LargeRoom, 100)
	c.opts.Grace = orDefault(o.Grace, 20*time.Second)
	c.opts.WatchInterval = orDefault(o.WatchInterval, 5*time.Second)
	c.opts.PushDelay = orDefault(o.PushDelay, 5*time.Second)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.serving, c.retire = context.WithCancel(c.ctx)
	c.markers.known = make(map[store.MemberKey]*marker)
	c.presences.init()
	c.heads.init()
	c.showings.init()
	c.news.init()
	c.hooks.waiting = make(map[string][]*Posted)
	if err := c.claim(); err != nil {
		c.stop()
		return nil, err
	}
	c.startCommitters()
	c.startKeepers()
	c.serve()
	return c, nil
}

// served are the namespaces that have a chat, or have had one.
var served sync.Map // of weak.Pointer[socketio.Namespace]

// claim makes the namespace that of the chat. It returns an error if there is a
// chat already, or if there are clients: they were not authenticated.
func (c *Chat) claim() error {
	key := weak.Make(c.ns)
	if _, taken := served.LoadOrStore(key, true); taken {
		return fmt.Errorf("chat: the namespace %s has a chat already", c.ns.Name())
	}
	off := c.ns.OnConnect(c.connected) // from now on each socket comes here, or is counted
	if n := c.ns.Local().Count(); n > 0 {
		off()
		served.Delete(key)
		return fmt.Errorf("chat: the namespace %s has %d clients already: call New before the server accepts clients", c.ns.Name(), n)
	}
	runtime.AddCleanup(c.ns, func(key weak.Pointer[socketio.Namespace]) { served.Delete(key) }, key)
	return nil
}

// startKeepers starts what runs until the chat is closed.
func (c *Chat) startKeepers() {
	c.spawn(c.watch)
	if c.opts.Policy.CanRead != nil {
		c.spawn(c.keepPolicy)
	}
	c.spawn(c.keepMarkers)
	c.spawn(c.keepHeads)
	c.spawn(c.keepRetention)
	c.spawn(c.keepPresence)
	if c.outbox != nil {
		c.hooks.work.Go(c.keepOutbox)
	}
}

// check finds what a program forgets.
func (o *Options) check() error {
	if o == nil || o.Authenticate == nil {
		return errors.New("chat: Options.Authenticate is required")
	}
	for name, d := range map[string]time.Duration{"PushDelay": o.PushDelay, "Grace": o.Grace, "WatchInterval": o.WatchInterval} {
		if d > 0 && d < time.Millisecond {
			return fmt.Errorf("chat: Options.%s is %v: is its unit missing, as time.Millisecond?", name, d)
		}
	}
	return nil
}

// closeTime is how long Close waits for OnPost before its context ends, and once
// more after that.
const closeTime = 5 * time.Second

// Close ends the chat. It commits the operations that wait, calls OnPost for
// the posts that wait, and closes the store. The contexts of OnPost end after 5
// seconds. Five seconds later Close waits no longer: it closes the store and
// returns an error if OnPost has not returned. So a function of the program may
// call Close; when OnPost does, it gets that error. The server must be closed
// before. Another call of Close waits for the first one, and returns the same.
func (c *Chat) Close() error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if !closed {
		c.late = c.end()
		close(c.over)
	}
	<-c.over
	return c.late
}

func (c *Chat) end() error {
	for _, m := range c.committers {
		m.close()
	}
	c.commits.Wait()
	c.retire()
	over := c.hooks.wait(closeTime)
	c.stop()
	var late error
	if !over && !c.hooks.wait(closeTime) {
		late = errors.New("chat: OnPost has not returned")
	}
	c.work.Wait()
	return errors.Join(late, c.store.Close())
}
