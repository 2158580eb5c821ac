package postgres

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/goroomcast/socketio/adapter"
)

// A listener keeps the connection that listens. One goroutine uses the
// connection, and delivers what it hears.
type listener struct {
	a *Adapter

	// Only that goroutine uses these.
	inbox   []*pgconn.Notification // heard, and not yet delivered
	checked bool                   // the table

	mu       sync.Mutex
	channels map[string][]*subscription // what the connection should listen to
	listens  map[string]bool            // what it listens to
	changed  context.CancelFunc         // has the goroutine look at channels
	placed   chan struct{}              // closed while the connection listens to all channels
	refused  map[string]bool            // channels to which the server could not be subscribed, until it is
	lost     time.Time                  // when it was lost; zero while there is one, and before the first
	settles  time.Time                  // when the others hear, too, after it was lost
}

// A subscription is a server that gets the messages of a channel.
type subscription struct {
	adapter.Subscriber
	inPlace bool
	told    chan struct{} // closed when it is in place or cannot be
	why     error         // it cannot be; may be read after told is closed
}

var errNotJoined = errors.New("postgres: the server has not joined the others yet")

func newListener(a *Adapter) *listener {
	return &listener{
		a: a, channels: make(map[string][]*subscription), changed: func() {}, placed: make(chan struct{}), refused: make(map[string]bool),
	}
}

// subscribe returns when the subscription is in place, or cannot be.
func (l *listener) subscribe(ctx context.Context, channel string, to adapter.Subscriber) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	s := &subscription{Subscriber: to, told: make(chan struct{})}
	l.mu.Lock()
	l.channels[channel] = append(l.channels[channel], s)
	l.changed()
	l.mu.Unlock()
	var err error
	select {
	case <-s.told:
		err = s.why
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-l.a.ctx.Done():
		err = errClosed
	}
	if err != nil {
		l.unsubscribe(channel, s)
		return err
	}
	context.AfterFunc(ctx, func() { l.unsubscribe(channel, s) })
	return nil
}

func (l *listener) unsubscribe(channel string, s *subscription) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.tell(errNotJoined); !s.inPlace {
		l.refused[channel] = true
	}
	rest := slices.DeleteFunc(slices.Clone(l.channels[channel]), func(other *subscription) bool { return other == s })
	if l.channels[channel] = rest; len(rest) == 0 {
		delete(l.channels, channel)
		l.changed()
	}
}

// run keeps the connection until ctx ends.
func (l *listener) run(ctx context.Context) {
	var p pause
	for ctx.Err() == nil {
		var since time.Time
		pg, err := l.a.connect(ctx, "listens", func(_ *pgconn.PgConn, n *pgconn.Notification) {
			l.inbox = append(l.inbox, n)
		})
		if err == nil {
			since = time.Now()
			err = l.serve(ctx, pg)
			hangUp(pg)
		}
		if ctx.Err() == nil {
			l.failed(err)
			p.wait(ctx, since)
		}
	}
}

// serve listens and delivers until the connection is lost.
func (l *listener) serve(ctx context.Context, pg *pgconn.PgConn) error {
	l.inbox = nil
	if !l.checked {
		if err := l.a.checkTable(ctx, pg); err != nil {
			return err
		}
		l.checked = true
	}
	for {
		interrupted, cancel, err := l.place(ctx, pg)
		if err != nil {
			return err
		}
		if len(l.inbox) == 0 {
			err = wait(ctx, interrupted, pg)
		}
		cancel()
		if err == nil {
			err = l.deliver(ctx, pg)
		}
		if err != nil {
			return err
		}
	}
}

// place makes the connection listen to what it should. The returned context ends
// when that changes.
func (l *listener) place(ctx context.Context, pg *pgconn.PgConn) (context.Context, context.CancelFunc, error) {
	for {
		l.mu.Lock()
		add, drop := l.differences()
		if add == nil && drop == nil {
			interrupted, cancel := context.WithCancel(ctx)
			l.changed = cancel
			away := l.inPlace()
			l.mu.Unlock()
			if away > 0 {
				l.a.o.Logger.Info("postgres: listens again", "away", away.Round(time.Millisecond))
			}
			return interrupted, cancel, nil
		}
		l.mu.Unlock()
		var sql strings.Builder
		for _, channel := range add {
			sql.WriteString("LISTEN " + pgx.Identifier{channel}.Sanitize() + ";")
		}
		for _, channel := range drop {
			sql.WriteString("UNLISTEN " + pgx.Identifier{channel}.Sanitize() + ";")
		}
		if err := run(ctx, pg, sql.String()); err != nil {
			return nil, nil, err
		}
		l.mu.Lock()
		for _, channel := range add {
			l.listens[channel] = true
		}
		for _, channel := range drop {
			delete(l.listens, channel)
		}
		l.mu.Unlock()
	}
}

// differences returns the channels that the connection must still listen to,
// and those that it need not listen to. l.mu is locked.
func (l *listener) differences() (add, drop []string) {
	if l.listens == nil {
		l.listens = make(map[string]bool)
	}
	for channel := range l.channels {
		if !l.listens[channel] {
			add = append(add, channel)
		}
	}
	for channel := range l.listens {
		if l.channels[channel] == nil {
			drop = append(drop, channel)
		}
	}
	return add, drop
}

// inPlace tells the subscribers that the connection listens to all channels, and
// returns for how long it has not. l.mu is locked.
func (l *listener) inPlace() (away time.Duration) {
	for channel, subscriptions := range l.channels {
		delete(l.refused, channel)
		for _, s := range subscriptions {
			s.tell(nil)
		}
	}
	select {
	case <-l.placed:
	default:
		close(l.placed)
	}
	if !l.lost.IsZero() {
		away = max(time.Since(l.lost), 1)
		l.lost, l.settles = time.Time{}, time.Now().Add(settleTime)
	}
	return away
}

// tell tells a subscriber that the subscription is in place, or why it cannot be;
// only the first time. The listener's mu is locked.
func (s *subscription) tell(why error) {
	select {
	case <-s.told:
	default:
		s.why = why
		s.inPlace = why == nil
		close(s.told)
	}
}

// failed notes that the connection was lost, or could not be made.
func (l *listener) failed(err error) {
	l.mu.Lock()
	l.listens = nil
	for _, subscriptions := range l.channels {
		for _, s := range subscriptions {
			s.tell(err)
		}
	}
	lost := false
	select {
	case <-l.placed:
		lost = true
		l.placed = make(chan struct{})
		l.lost = time.Now()
	default:
	}
	l.mu.Unlock()
	if lost {
		l.a.o.Logger.Warn("postgres: the listening connection is lost; connecting again", "err", err)
	}
}

// joined waits while the server is being subscribed to a channel. The error says
// that this has failed: the server would not hear the answers to a message, so
// others must not hear of it yet.
func (l *listener) joined(ctx context.Context, channel string, t adapter.Type) error {
	for {
		l.mu.Lock()
		refused := l.refused[channel]
		if t == adapter.Close {
			delete(l.refused, channel) // the server does not try again
		}
		var pending <-chan struct{}
		for _, s := range l.channels[channel] {
			select {
			case <-s.told:
				refused = refused && !s.inPlace
			default:
				pending = s.told
			}
		}
		l.mu.Unlock()
		switch {
		case pending != nil:
		case refused:
			return errNotJoined
		default:
			return nil
		}
		select {
		case <-pending:
		case <-ctx.Done():
			return errNotJoined
		}
	}
}

// settled waits until the connection listens, and if it has been lost, a bit
// longer.
func (l *listener) settled(ctx context.Context) {
	for {
		l.mu.Lock()
		placed := l.placed
		l.mu.Unlock()
		select {
		case <-placed:
		case <-ctx.Done():
			return
		}
		l.mu.Lock()
		left := time.Until(l.settles)
		l.mu.Unlock()
		if left <= 0 {
			return
		}
		select {
		case <-time.After(left):
		case <-ctx.Done():
			return
		}
	}
}

// replaced waits until the connection listens again if it has just been lost.
func (l *listener) replaced(ctx context.Context) {
	l.mu.Lock()
	placed, left := l.placed, holdTime-time.Since(l.lost)
	l.mu.Unlock()
	select {
	case <-placed:
		return
	default:
	}
	select {
	case <-placed:
	case <-time.After(left):
	case <-ctx.Done():
	}
}

// subscriptions returns those of a channel. The result must not be changed.
func (l *listener) subscriptions(channel string) []*subscription {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.channels[channel]
}
