package cluster

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A request waits for the answers of the other servers.
type request struct {
	member  *Member
	id      string
	wants   adapter.Type  // of the answers; ClientCount of those to a call
	wake    chan struct{} // has a value when there is something to take
	recount *time.Ticker  // says when to count others again, because one may have died; nil if names are known

	mu        sync.Mutex
	inbox     []*adapter.Message
	names     map[string]bool // who has yet to answer; nil if only their number is known
	others    int             // their number, if names is nil
	answers   int             // so many have answered, and have not left
	unsettled bool            // one has left, so others may be fewer
	servers   map[string]*respondent
	lost      int // acknowledgements owed by servers that have left
}

// A respondent is a server that has answered a request. All servers without a
// uid together are one respondent, named "".
type respondent struct {
	answered bool
	left     bool

	// Of a call: the number of acknowledgements yet to arrive. It is negative
	// if some have arrived before their number.
	owed int
	from map[string]bool // the sockets that they came from
}

const (
	// recountInterval is the pause between two looks at how many servers there
	// are, while they are waited for.
	recountInterval = time.Second

	// maxClients is how many of its clients a server may say will acknowledge.
	maxClients = 1 << 24
)

// begin publishes a request, unless ctx has ended. The result must be ended, also
// after an error; then it awaits no answers.
func (c *Member) begin(ctx context.Context, m *adapter.Message, wants adapter.Type) (*request, error) {
	r := &request{
		member: c, id: newUID(), wants: wants, wake: make(chan struct{}, 1), servers: make(map[string]*respondent),
	}
	if ctx.Err() != nil {
		return r, context.Cause(ctx)
	}
	servers, err := c.servers(ctx)
	if err != nil && !c.heartbeats() {
		return r, fmt.Errorf("socketio: cannot count the other servers: %w", err)
	}
	c.mu.Lock()
	c.requests[r.id] = r
	if c.peers != nil {
		r.names = make(map[string]bool, len(c.peers))
		for uid := range c.peers {
			r.names[uid] = true
		}
	} else {
		r.others = servers - 1
		r.recount = time.NewTicker(recountInterval)
	}
	c.mu.Unlock()
	m.RequestID = r.id
	if err := c.publishNow(ctx, m); err != nil && ctx.Err() == nil { // or else it may have been sent
		r.mu.Lock()
		defer r.mu.Unlock()
		r.names, r.others = nil, 0
		return r, fmt.Errorf("socketio: cannot ask the other servers: %w", err)
	}
	return r, nil
}

// end forgets the request.
func (r *request) end() {
	r.member.mu.Lock()
	delete(r.member.requests, r.id)
	r.member.mu.Unlock()
	if r.recount != nil {
		r.recount.Stop()
	}
}

// put takes an answer. It ignores an answer to another request, and one that it
// has already. The error is about the answer's content.
func (r *request) put(m *adapter.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.servers[m.UID]
	if s == nil {
		if len(r.servers) >= maxPeers || m.UID == "" && r.names != nil {
			return nil
		}
		s = new(respondent)
		r.servers[m.UID] = s
	}
	switch {
	case s.left:
	case m.Type == r.wants && (!s.answered || m.UID == "" && r.missing() > 0):
		if m.Count < 0 || m.Count > maxClients {
			return fmt.Errorf("%d acknowledgements to come", m.Count)
		}
		s.answered = true
		s.owed = max(0, s.owed+m.Count)
		r.answers++
		delete(r.names, m.UID)
		if m.Type != adapter.ClientCount {
			r.inbox = append(r.inbox, m)
		}
		r.signal()
	case m.Type == adapter.Ack, m.Type == adapter.NoAck:
		if r.wants == adapter.ClientCount && s.owes(m.SocketID, m.UID == "" && r.missing() > 0) {
			s.owed--
			r.inbox = append(r.inbox, m)
			r.signal()
		}
	}
	return nil
}

// owes reports whether the respondent owes an acknowledgement of this socket,
// and notes the socket. With more set, further acknowledgements may arrive,
// because not all the numbers are known.
func (s *respondent) owes(socketID string, more bool) bool {
	if s.owed <= 0 && s.answered && !more || s.owed <= -maxClients || s.from[socketID] {
		return false
	}
	if socketID != "" {
		if s.from == nil {
			s.from = make(map[string]bool)
		}
		s.from[socketID] = true
	}
	return true
}

// signal wakes the goroutine that takes the answers. r.mu is locked.
func (r *request) signal() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// departed notes that a server answers no more.
func (r *request) departed(uid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.names, uid)
	r.unsettled = true
	if s := r.servers[uid]; s != nil && !s.left {
		if s.answered {
			r.answers--
		}
		s.left = true
		r.lost += max(0, s.owed)
		s.owed = 0
	}
	r.signal()
}

// count looks whether servers have died meanwhile.
func (r *request) count(ctx context.Context) {
	n, err := r.member.servers(ctx)
	if err != nil {
		return
	}
	r.mu.Lock()
	doubt := r.missing() > 0 && n-1 < r.others && r.answers > 0 // who is gone may have answered
	r.mu.Unlock()
	if doubt && !r.verify(ctx) {
		return // until the next look
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.others = min(r.others, n-1)
}

// verify looks who is there of the servers that have answered and said who they
// are. It reports false if the servers do not all answer soon.
func (r *request) verify(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, recountInterval)
	defer cancel()
	there := make(map[string]bool)
	toNobody := &adapter.Message{Type: adapter.FetchSockets, Opts: adapter.Selection{Rooms: []string{newUID()}}}
	for m, err := range r.member.Ask(ctx, toNobody, adapter.FetchSocketsResponse) {
		if err != nil {
			return false
		}
		there[m.UID] = true
	}
	var gone []string
	r.mu.Lock()
	for uid, s := range r.servers {
		if s.answered && uid != "" && !there[uid] {
			gone = append(gone, uid)
		}
	}
	r.mu.Unlock()
	for _, uid := range gone {
		r.departed(uid)
	}
	return true
}

// take returns the answers that have arrived, the number of acknowledgements
// that never will, and whether the request is complete.
func (r *request) take(ctx context.Context) (answers []*adapter.Message, lost int, all bool) {
	r.mu.Lock()
	unsettled := r.unsettled && r.names == nil
	r.unsettled = false
	r.mu.Unlock()
	if unsettled {
		r.count(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	answers, lost = r.inbox, r.lost
	r.inbox, r.lost = nil, 0
	return answers, lost, r.missing() == 0
}

// missing returns how many servers have yet to answer. r.mu is locked.
func (r *request) missing() int {
	if r.names != nil {
		return len(r.names)
	}
	return max(0, r.others-r.answers)
}

// recounts returns a channel that says when to call count.
func (r *request) recounts() <-chan time.Time {
	if r.recount == nil {
		return nil
	}
	return r.recount.C
}

// Ask publishes a request and yields one answer of each server. If some have
// not answered when ctx ends, the last pair is a nil message and a
// [*MissingError]; if the request cannot be sent, the only pair is a nil
// message and the error. The ctx should have a deadline, as from [WithTimeout].
func (c *Member) Ask(ctx context.Context, m *adapter.Message, wants adapter.Type) iter.Seq2[*adapter.Message, error] {
	return func(yield func(*adapter.Message, error) bool) {
		if c == nil {
			return
		}
		r, err := c.begin(ctx, m, wants)
		defer r.end()
		if err != nil {
			yield(nil, err)
			return
		}
		for over := error(nil); ; over = r.wait(ctx) {
			answers, _, all := r.take(ctx)
			for _, m := range answers {
				if !yield(m, nil) {
					return
				}
			}
			switch {
			case all:
				return
			case over != nil:
				r.mu.Lock()
				err := &MissingError{r.missing(), over}
				r.mu.Unlock()
				yield(nil, err)
				return
			}
		}
	}
}

// wait waits for something to take. The error says why there is nothing more
// to wait for.
func (r *request) wait(ctx context.Context) error {
	select {
	case <-r.wake:
	case <-r.recounts():
		r.count(ctx)
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-r.member.ctx.Done():
		return errClosed
	}
	return nil
}

// A MissingError says that servers have not answered.
type MissingError struct {
	Servers int
	Cause   error
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("socketio: %d servers have not answered: %v", e.Servers, e.Cause)
}

// Unwrap returns the cause.
func (e *MissingError) Unwrap() error { return e.Cause }
