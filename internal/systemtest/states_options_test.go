package systemtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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

// A combination is the choices of a few options, in the order of their names.
// The rest is empty.
type combination [3]struct {
	option string
	choice int
}

// combinations calls f with the choices that s has for each group of that many
// options.
func (s setup) combinations(size int, f func(combination)) {
	names := slices.Sorted(maps.Keys(s))
	var c combination
	var add func(from, n int)
	add = func(from, n int) {
		if n == size {
			f(c)
			return
		}
		for i := from; i < len(names); i++ {
			c[n].option, c[n].choice = names[i], s[names[i]]
			add(i+1, n+1)
		}
		c[n].option, c[n].choice = "", 0
	}
	add(0, 0)
}

// setups returns few setups in which each combination of so many choices is
// found.
func setups(size int) (all []setup) {
	open := make(map[combination]bool)
	anyChoices(optionNames(), size, setup{}, func(s setup) { s.combinations(size, func(c combination) { open[c] = true }) })
	for len(open) > 0 {
		s := make(setup)
		for _, seed := range someOf(open) {
			if seed.option != "" {
				s[seed.option] = seed.choice
			}
		}
		for _, name := range optionNames() {
			if _, set := s[name]; !set {
				s[name] = s.best(name, size, open)
			}
		}
		s.combinations(size, func(c combination) { delete(open, c) })
		all = append(all, s)
	}
	return all
}

// anyChoices calls f with s and all choices of so many further options.
func anyChoices(names []string, more int, s setup, f func(setup)) {
	if more == 0 {
		f(s)
		return
	}
	for i, name := range names {
		for choice := range choices[name] {
			s[name] = choice
			anyChoices(names[i+1:], more-1, s, f)
		}
		delete(s, name)
	}
}

// someOf returns the first combination by name, so that setups are the same each
// time.
func someOf(open map[combination]bool) combination {
	return slices.MinFunc(slices.Collect(maps.Keys(open)), func(a, b combination) int {
		for i := range a {
			if order := cmp.Or(cmp.Compare(a[i].option, b[i].option), cmp.Compare(a[i].choice, b[i].choice)); order != 0 {
				return order
			}
		}
		return 0
	})
}

// best returns the choice for an option with which most open combinations are
// found.
func (s setup) best(name string, size int, open map[combination]bool) int {
	counts := make([]int, len(choices[name]))
	with := maps.Clone(s)
	for i := range counts {
		with[name] = i
		with.combinations(size, func(c combination) {
			if open[c] {
				counts[i]++
			}
		})
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
	all := setups(2)
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
