package systemtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/testserver"
	"github.com/goroomcast/socketio/parser"
)

// A choice is one value of an option.
type choice func(o *socketio.Options)

func byDefault(*socketio.Options) {}

// choices has what TestStates sets each option to: values with which all that
// clients do there goes the same way.
var choices = map[string][]choice{
	"Path":               {byDefault, func(o *socketio.Options) { o.Path = "/chat/io" }},
	"Transports":         {byDefault, func(o *socketio.Options) { o.Transports = []string{"polling"} }, func(o *socketio.Options) { o.Transports = []string{"websocket"} }},
	"PingInterval":       {byDefault, func(o *socketio.Options) { o.PingInterval = time.Second }},
	"PingTimeout":        {byDefault, func(o *socketio.Options) { o.PingTimeout = 2 * time.Second }},
	"UpgradeTimeout":     {byDefault, func(o *socketio.Options) { o.UpgradeTimeout = time.Second }},
	"ShutdownSpread":     {byDefault, func(o *socketio.Options) { o.ShutdownSpread = 3 * time.Second }},
	"ConnectTimeout":     {byDefault, func(o *socketio.Options) { o.ConnectTimeout = 5 * time.Second }},
	"Limits.Payload":     {byDefault, func(o *socketio.Options) { o.Limits.Payload = 1000 }},
	"Limits.Buffered":    {byDefault, func(o *socketio.Options) { o.Limits.Buffered = 4000 }},
	"Limits.DropOldest":  {byDefault, func(o *socketio.Options) { o.Limits.DropOldest = true }},
	"Limits.Namespaces":  {byDefault, func(o *socketio.Options) { o.Limits.Namespaces = 2 }},
	"Limits.Inbox":       {byDefault, func(o *socketio.Options) { o.Limits.Inbox = 100 }}, // less than two events
	"Limits.Rooms":       {byDefault, func(o *socketio.Options) { o.Limits.Rooms = 1 }},
	"Limits.PendingAcks": {byDefault, func(o *socketio.Options) { o.Limits.PendingAcks = 1 }},
	"Limits.Connections": {byDefault, func(o *socketio.Options) { o.Limits.Connections = 3 }},
	"Limits.ConnectionsPerAddress": {byDefault, func(o *socketio.Options) {
		o.Limits.ConnectionsPerAddress = 3
	}},
	"Limits.EventRate": {byDefault,
		func(o *socketio.Options) { o.Limits.EventRate = socketio.EventRate{PerSecond: 20, Burst: 1} },
		func(o *socketio.Options) {
			o.Limits.EventRate = socketio.EventRate{PerSecond: 20, Burst: 20, Over: socketio.RateDrop}
		},
		func(o *socketio.Options) {
			o.Limits.EventRate = socketio.EventRate{PerSecond: 20, Burst: 20, Over: socketio.RateDisconnect}
		}},
	"Parser": {byDefault, func(o *socketio.Options) { o.Parser = struct{ parser.JSON }{} },
		func(o *socketio.Options) { o.Parser = parser.JSON{MaxAttachments: 1} }},
	"HTTPCompressionThreshold": {byDefault, func(o *socketio.Options) { o.HTTPCompressionThreshold = -1 },
		func(o *socketio.Options) { o.HTTPCompressionThreshold = 1 }},
	"PerMessageDeflate": {byDefault, func(o *socketio.Options) {
		o.PerMessageDeflate = &socketio.PerMessageDeflate{Threshold: 1, ServerContextTakeover: true}
	}},
	"AllowEIO3": {byDefault, func(o *socketio.Options) { o.AllowEIO3 = true }},
	"Adapter": {byDefault, func(o *socketio.Options) { o.Adapter = new(adapter.Loopback) },
		func(o *socketio.Options) { o.Adapter = testserver.NewJournal() }},
	"Recovery": {byDefault, func(o *socketio.Options) { o.Recovery = new(socketio.Recovery) },
		func(o *socketio.Options) { o.Recovery = &socketio.Recovery{SkipMiddleware: true} }},
	"CORS":         {byDefault, func(o *socketio.Options) { o.CORS.Origins = []string{"https://elsewhere.example"} }},
	"AllowRequest": {byDefault, func(o *socketio.Options) { o.AllowRequest = func(*http.Request) error { return nil } }},
	"GenerateID": {byDefault, func(o *socketio.Options) {
		var n atomic.Int64
		o.GenerateID = func(*http.Request) (string, error) { return fmt.Sprintf("session-%d", n.Add(1)), nil }
	}},
	"Cookie":      {byDefault, func(o *socketio.Options) { o.Cookie = &http.Cookie{Name: "io"} }},
	"ServeClient": {byDefault, func(o *socketio.Options) { o.ServeClient = fstest.MapFS{} }},
	"Logger": {func(o *socketio.Options) { o.Logger = slog.New(slog.DiscardHandler) },
		func(o *socketio.Options) { o.Logger = new(testserver.LogBook).Everything() }},
	"Trace": {byDefault, func(o *socketio.Options) {
		o.Trace = &socketio.Trace{
			Connected:    func(s *socketio.Socket) { _ = s.Rooms() },
			Disconnected: func(s *socketio.Socket, _ socketio.Reason) { _ = s.Namespace().Name() },
			Refused:      func(_ *socketio.Namespace, err error) { _ = err.Error() },
			OverRate:     func(s *socketio.Socket, _ string) { _ = s.Namespace().Name() },
			Handle: func(ctx context.Context, _ *socketio.Event) (context.Context, func(error)) {
				return ctx, func(error) {}
			},
		}
	}},
}

// A setup has a choice for each option.
type setup map[string]int

func (s setup) options() *socketio.Options {
	o := new(socketio.Options)
	for _, name := range optionNames() {
		choices[name][s[name]](o)
	}
	return o
}

func optionNames() []string {
	var names []string
	for name := range choices {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// A pairing is two options' choices.
type pairing struct {
	a, b   string
	ai, bi int
}

// setups returns few setups in which each pair of choices is found.
func setups() (all []setup) {
	open := make(map[pairing]bool)
	names := optionNames()
	for i, a := range names {
		for _, b := range names[i+1:] {
			for ai := range choices[a] {
				for bi := range choices[b] {
					open[pairing{a, b, ai, bi}] = true
				}
			}
		}
	}
	for len(open) > 0 {
		s := make(setup)
		seed := someOf(open)
		s[seed.a], s[seed.b] = seed.ai, seed.bi
		for _, name := range names {
			if _, set := s[name]; !set {
				s[name] = s.best(name, open)
			}
		}
		for p := range open {
			if s[p.a] == p.ai && s[p.b] == p.bi {
				delete(open, p)
			}
		}
		all = append(all, s)
	}
	return all
}

// someOf returns the first pairing by name, so that setups are the same each
// time.
func someOf(open map[pairing]bool) pairing {
	var first pairing
	for p := range open {
		if first == (pairing{}) || fmt.Sprint(p) < fmt.Sprint(first) {
			first = p
		}
	}
	return first
}

// best returns the choice for an option with which most open pairings are found.
func (s setup) best(name string, open map[pairing]bool) int {
	counts := make([]int, len(choices[name]))
	for i := range counts {
		for other, oi := range s {
			if open[pairing{name, other, i, oi}] || open[pairing{other, name, oi, i}] {
				counts[i]++
			}
		}
	}
	return slices.Index(counts, slices.Max(counts))
}

// optionFields returns the fields of Options by name, those of Limits as
// "Limits.Payload".
func optionFields(options reflect.Value) map[string]reflect.Value {
	all := make(map[string]reflect.Value)
	for i := range options.NumField() {
		name, field := options.Type().Field(i).Name, options.Field(i)
		if name != "Limits" {
			all[name] = field
			continue
		}
		for j := range field.NumField() {
			all[name+"."+field.Type().Field(j).Name] = field.Field(j)
		}
	}
	return all
}

// Each field of Options is in the table, and each pair of choices in a setup.
func TestSetups(t *testing.T) {
	fields := optionFields(reflect.ValueOf(new(socketio.Options)).Elem())
	for name := range fields {
		if len(choices[name]) < 2 {
			t.Errorf("TestStates does not know Options.%s: give it values in choices", name)
		}
	}
	if len(choices) != len(fields) {
		t.Error("choices has options that there are not")
	}
	all := setups()
	for name, list := range choices {
		for i := range list {
			o := new(socketio.Options)
			list[i](o)
			if set := !optionFields(reflect.ValueOf(o).Elem())[name].IsZero(); i > 0 && !set {
				t.Errorf("choice %d of %s does not set it", i, name)
			}
		}
		for other, others := range choices {
			for i := range list {
				for j := range others {
					found := slices.ContainsFunc(all, func(s setup) bool { return s[name] == i && s[other] == j })
					if name != other && !found {
						t.Fatal(errors.New("pair missing"), name, i, other, j)
					}
				}
			}
		}
	}
	t.Logf("%d setups", len(all))
}
