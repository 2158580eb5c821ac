package interop

import (
	"context"
	"errors"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/clientbundle"
)

var namespaces = []string{"/", "/admin", "/news", "/games"}

// newApp is the application the scenarios talk to; reference.mjs is the same one in JavaScript.
func newApp(o socketio.Options) *socketio.Server {
	o.PingInterval = 300 * time.Millisecond // several heartbeats within a scenario
	o.PingTimeout = 30 * time.Second        // the machine may be slow
	o.ServeClient = clientbundle.Files
	o.AllowEIO3 = true // for legacy.test.mjs
	io := socketio.NewServer(&o)
	application(io)
	return io
}

// application puts the handlers on a server.
func application(io *socketio.Server) {
	io.On("größe→🎉", echo)
	io.On("forward", forward)
	for _, name := range namespaces {
		io.Of(name).On("echo", echo)
	}
	guard(io.Of("/admin"))
	messages(io)
	calls(io)
	rooms(io)
	connections(io)
	family(io)
	strict(io)
}

// echo sends the arguments back, as the answer if the client asked for one.
func echo(_ context.Context, e *socketio.Event) error {
	args := make([]any, e.Len())
	into := make([]any, e.Len())
	for i := range args {
		into[i] = &args[i]
	}
	if err := e.Decode(into...); err != nil {
		return err
	}
	return sendBack(e, args)
}

// forward is echo without a look at the arguments.
func forward(_ context.Context, e *socketio.Event) error { return sendBack(e, e.Args()) }

func sendBack(e *socketio.Event, args []any) error {
	if e.WantsAck() {
		return e.Ack(args...)
	}
	return e.Socket().Emit(e.Name(), args...)
}

// guard admits who knows the token.
func guard(admin *socketio.Namespace) {
	type credentials struct {
		Name  string `json:"name"`
		Token string `json:"token"`
	}
	admin.Use(func(_ context.Context, s *socketio.Socket) error {
		var c credentials
		if err := s.Handshake().DecodeAuth(&c); err != nil {
			return err
		}
		switch c.Token {
		case "s3cret":
			s.SetData(c.Name)
			return nil
		case "":
			return errors.New("token missing")
		default:
			return &socketio.Error{
				Message: "not authorized",
				Data:    map[string]any{"code": 401, "hint": "ask Zoë for a token"},
			}
		}
	})
	admin.OnConnect(func(s *socketio.Socket) {
		_ = s.Emit("welcome", map[string]any{"name": s.Data()})
	})
}

// family is the dynamic namespaces: by pattern, and by function.
func family(io *socketio.Server) {
	io.OfPattern(regexp.MustCompile(`^/room-\d+$`)).OnConnect(func(s *socketio.Socket) {
		_ = s.Emit("welcome", s.Namespace().Name())
	})
	club := io.OfFunc(func(_ context.Context, name string, h *socketio.Handshake) bool {
		var auth struct {
			Key string `json:"key"`
		}
		return h.DecodeAuth(&auth) == nil && strings.HasPrefix(name, "/club-") && auth.Key == "open sesame"
	})
	club.On("echo", echo)
}

// strict is the namespaces that clients enter twice at once; some take their time.
func strict(io *socketio.Server) {
	type auth struct {
		Tag string `json:"tag"`
	}
	for _, n := range []*socketio.Namespace{
		io.Of("/strict"), io.Of("/strict-slow"),
		io.OfPattern(regexp.MustCompile(`^/strict-\d+$`)), io.OfPattern(regexp.MustCompile(`^/strict-slow-\d+$`)),
	} {
		n.Use(func(ctx context.Context, s *socketio.Socket) error {
			if !strings.Contains(s.Namespace().Name(), "slow") {
				return nil
			}
			select {
			case <-time.After(50 * time.Millisecond):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		n.On("echo", echo)
		socketio.OnCall(n, "ids", func(_ context.Context, s *socketio.Socket, _ struct{}) (ids []string, err error) {
			var mine, other auth
			err = s.Handshake().DecodeAuth(&mine)
			for o := range n.Sockets() {
				if o.Handshake().DecodeAuth(&other) == nil && other == mine {
					ids = append(ids, o.ID())
				}
			}
			return ids, err
		})
	}
}

func messages(io *socketio.Server) {
	type notebook struct{ numbers []int } // a socket's handlers run one at a time: no lock
	io.OnConnect(func(s *socketio.Socket) { s.SetData(&notebook{}) })
	socketio.On(io, "note", func(_ context.Context, s *socketio.Socket, number int) error {
		book := s.Data().(*notebook)
		book.numbers = append(book.numbers, number)
		return nil
	})
	socketio.OnCall(io, "notes", func(_ context.Context, s *socketio.Socket, _ struct{}) ([]int, error) {
		return s.Data().(*notebook).numbers, nil
	})

	socketio.On(io, "measure", func(_ context.Context, s *socketio.Socket, text string) error {
		return s.Emit("measured", len(text))
	})
	socketio.On(io, "repeat", func(_ context.Context, s *socketio.Socket, n int) error {
		return s.Emit("repeated", strings.Repeat("again ", n))
	})
	socketio.On(io, "repeat plainly", func(_ context.Context, s *socketio.Socket, n int) error {
		return s.Compress(false).Emit("repeated", strings.Repeat("again ", n))
	})
	socketio.On(io, "flood", func(_ context.Context, s *socketio.Socket, n int) error {
		for i := range n {
			if err := s.Emit("tick", i); err != nil {
				return err
			}
		}
		return nil
	})
	socketio.On(io, "nudge", func(_ context.Context, s *socketio.Socket, _ struct{}) error {
		return s.Volatile().Emit("nudge")
	})

	type film struct {
		Frames   int  `json:"frames"`
		Bytes    int  `json:"bytes"`    // of each frame
		Reliable bool `json:"reliable"` // no frame may be dropped
	}
	socketio.OnCall(io, "play", func(_ context.Context, s *socketio.Socket, f film) (int, error) {
		emit := s.Volatile().Compress(false).Emit // or the frames would be short
		if f.Reliable {
			emit = s.Compress(false).Emit
		}
		body := strings.Repeat("x", f.Bytes)
		for i := range f.Frames {
			if err := emit("frame", i, body); err != nil {
				return i, err
			}
		}
		return f.Frames, io.To("watch " + s.ID()).Emit("played")
	})
}

// calls are the events with an answer, in either direction.
func calls(io *socketio.Server) {
	type part struct {
		Type string `json:"type"`
		Body []byte `json:"body"`
	}
	type upload struct {
		Name  string `json:"name"`
		Parts []part `json:"parts"`
	}
	type receipt struct {
		Name  string         `json:"name"`
		Sizes map[string]int `json:"sizes"`
		Whole []byte         `json:"whole"`
	}
	socketio.OnCall(io, "upload", func(_ context.Context, _ *socketio.Socket, u upload) (receipt, error) {
		r := receipt{Name: u.Name, Sizes: map[string]int{}}
		for _, p := range u.Parts {
			r.Sizes[p.Type] = len(p.Body)
			r.Whole = append(r.Whole, p.Body...)
		}
		return r, nil
	})

	type question struct {
		Question any    `json:"question"`
		Room     string `json:"room"`
		WithinMs int    `json:"withinMs"`
	}
	within := func(ctx context.Context, q question) (context.Context, context.CancelFunc) {
		if q.WithinMs == 0 {
			return context.WithCancel(ctx)
		}
		return context.WithTimeout(ctx, time.Duration(q.WithinMs)*time.Millisecond)
	}

	type answer struct {
		Answer     any  `json:"answer,omitempty"`
		Unanswered bool `json:"unanswered,omitempty"`
	}
	socketio.OnCall(io, "call-me", func(ctx context.Context, s *socketio.Socket, q question) (answer, error) {
		ctx, cancel := within(ctx, q)
		defer cancel()
		reply, err := socketio.Call[any](ctx, s, "question", q.Question)
		if errors.Is(err, context.DeadlineExceeded) {
			return answer{Unanswered: true}, nil
		}
		return answer{Answer: reply}, err
	})

	type answers struct {
		Answers []any `json:"answers"`
		Missing bool  `json:"missing"`
	}
	socketio.OnCall(io, "ask-room", func(ctx context.Context, _ *socketio.Socket, q question) (answers, error) {
		ctx, cancel := within(ctx, q)
		defer cancel()
		all := answers{Answers: []any{}}
		for reply, err := range io.To(q.Room).Call(ctx, "question", q.Question) {
			if err != nil {
				all.Missing = true
				continue
			}
			var a any
			if err := reply.Decode(&a); err != nil {
				return answers{}, err
			}
			all.Answers = append(all.Answers, a)
		}
		return all, nil
	})

	io.On("silence", func(context.Context, *socketio.Event) error { return nil })
	socketio.OnCall(io, "refuse", func(_ context.Context, _ *socketio.Socket, why string) (struct{}, error) {
		return struct{}{}, &socketio.Error{Message: why}
	})
	socketio.OnCall(io, "fail", func(context.Context, *socketio.Socket, struct{}) (struct{}, error) {
		return struct{}{}, errors.New("something nobody outside should read")
	})
}

func rooms(io *socketio.Server) {
	socketio.On(io, "join", func(_ context.Context, s *socketio.Socket, room string) error {
		s.Join(room)
		return nil
	})
	socketio.On(io, "leave", func(_ context.Context, s *socketio.Socket, room string) error {
		s.Leave(room)
		return nil
	})
	socketio.OnCall(io, "members", func(_ context.Context, _ *socketio.Socket, room string) (int, error) {
		n := 0
		for range io.To(room).Sockets() {
			n++
		}
		return n, nil
	})

	type post struct {
		Rooms  []string `json:"rooms"` // none: all
		Except []string `json:"except"`
		Body   any      `json:"body"`
	}
	socketio.On(io, "post", func(_ context.Context, s *socketio.Socket, p post) error {
		return s.Broadcast().To(p.Rooms...).Except(p.Except...).Emit("post", p.Body)
	})
	socketio.On(io, "announce", func(_ context.Context, _ *socketio.Socket, p post) error {
		return io.To(p.Rooms...).Except(p.Except...).Emit("announcement", p.Body)
	})
}

// connections are what the server knows of a connection, its ends of it, and who is told of its end.
func connections(io *socketio.Server) {
	type identity struct {
		ID          string            `json:"id"`
		Rooms       []string          `json:"rooms"`
		Trace       string            `json:"trace,omitempty"`
		Query       map[string]string `json:"query"`
		Auth        map[string]any    `json:"auth"`
		URL         string            `json:"url"`
		Address     string            `json:"address"`
		Time        int64             `json:"time"` // in ms since 1970, as JavaScript counts
		Secure      bool              `json:"secure"`
		CrossDomain bool              `json:"crossDomain"`
	}
	socketio.OnCall(io, "whoami", func(_ context.Context, s *socketio.Socket, _ struct{}) (identity, error) {
		h := s.Handshake()
		host, _, err := net.SplitHostPort(h.Address)
		if err != nil {
			return identity{}, err
		}
		id := identity{
			ID:          s.ID(),
			Rooms:       slices.Sorted(slices.Values(s.Rooms())),
			Trace:       h.Header.Get("X-Trace"),
			Query:       map[string]string{},
			Auth:        map[string]any{},
			URL:         h.URL,
			Address:     host,
			Time:        h.Time.UnixMilli(),
			Secure:      h.Secure,
			CrossDomain: h.CrossDomain,
		}
		for key, values := range h.Query() {
			id.Query[key] = values[0]
		}
		return id, h.DecodeAuth(&id.Auth)
	})

	socketio.On(io, "leave-me", func(_ context.Context, s *socketio.Socket, _ struct{}) error {
		s.Disconnect(false)
		return nil
	})
	socketio.On(io, "sever", func(_ context.Context, s *socketio.Socket, _ struct{}) error {
		s.Conn().Close()
		return nil
	})
	socketio.On(io, "drop", func(_ context.Context, s *socketio.Socket, _ struct{}) error {
		s.Disconnect(true)
		return nil
	})

	type end struct {
		ID     string          `json:"id"`
		Reason socketio.Reason `json:"reason"`
		Rooms  []string        `json:"rooms"`
	}
	io.OnConnect(func(s *socketio.Socket) {
		tell := func(event string) func(socketio.Reason) {
			return func(r socketio.Reason) {
				rooms := append([]string{}, s.Rooms()...) // [] rather than null when there are none
				slices.Sort(rooms)
				_ = io.To("watch "+s.ID()).Emit(event, end{s.ID(), r, rooms})
			}
		}
		s.OnDisconnecting(tell("leaving"))
		s.OnDisconnect(tell("left"))
	})
}
