package chat_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

// TestLargestOptions gives each number of Options its largest value, as a program does
// that wants no limit.
func TestLargestOptions(t *testing.T) {
	for _, perSecond := range []float64{math.Inf(1), 1, 1e-300} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			run(t, func(o *chat.Options) {
				for _, in := range []any{o, &o.Limits, &o.Retention} {
					numbers := reflect.ValueOf(in).Elem()
					for i := range numbers.NumField() {
						switch f := numbers.Field(i); {
						case f.CanInt():
							f.SetInt(math.MaxInt64)
						case f.Type() == reflect.TypeFor[chat.Rate]():
							f.Set(reflect.ValueOf(chat.Rate{PerSecond: perSecond, Burst: math.MaxInt}))
						}
					}
				}
			}, func(w *world) {
				w.room("r", chat.Open, "ann", "bob")
				ann := w.connect("ann")
				ann.open("r")
				for i := range 30 {
					ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint(i+1)))
				}
				began := time.Now()
				ann.must("history", obj{"room": "r", "limit": 100})
				ann.must("search", obj{"text": "1"})
				ann.must("react", obj{"room": "r", "seq": 1, "emoji": "x", "on": true})
				ann.must("create", obj{"cid": "1", "kind": "open"})
				ann.must("direct", obj{"user": "bob"})
				ann.must("watch", obj{"users": []string{"bob"}})
				f := addFiles(w)
				for range 3 {
					id := f.upload("ann", png).ID
					ann.must("post", withFile("r", id, id))
				}
				if took := time.Since(began); took > 0 {
					w.Errorf("commands have waited for %v", took)
				}
				ann.drop() // and comes back with a cursor
				posted(w.T, w.store, "r", 34, 40)
				testserver.Wait(10 * time.Second)
				ann.shows("r", append(append(numbers(1, 30), "", "", ""), numbers(34, 40)...)...)
				ann.close()
				testserver.Wait(time.Minute)
				if p := w.chat.User("ann").Presence(); p == chat.Offline {
					w.Errorf("presence %v within an endless grace", p)
				}
			})
		})
	}
}

// TestNegativeOptions gives each number of Options a negative value, which means its
// default.
func TestNegativeOptions(t *testing.T) {
	for _, perSecond := range []float64{-1, math.Inf(-1), math.NaN()} {
		t.Run(fmt.Sprint(perSecond), func(t *testing.T) {
			run(t, func(o *chat.Options) {
				for _, in := range []any{o, &o.Limits, &o.Retention} {
					numbers := reflect.ValueOf(in).Elem()
					for i := range numbers.NumField() {
						switch f := numbers.Field(i); {
						case f.CanInt():
							f.SetInt(-1)
						case f.Type() == reflect.TypeFor[chat.Rate]():
							f.Set(reflect.ValueOf(chat.Rate{PerSecond: perSecond, Burst: -1}))
						}
					}
				}
			}, func(w *world) {
				w.room("r", chat.Open, "ann", "bob")
				ann := w.connect("ann")
				ann.open("r")
				for i := range 20 { // the burst of 10 in one room, and two a second
					ann.must("post", post("r", fmt.Sprint(i), fmt.Sprint(i+1)))
				}
				ann.must("watch", obj{"users": []string{"bob"}})
				ann.shows("r", numbers(1, 20)...)
				testserver.Wait(30 * time.Minute) // the sweeps remove nothing
				ann.shows("r", numbers(1, 20)...)
			})
		})
	}
}

// TestTimesWithoutUnit gives each time a number of milliseconds, as JavaScript has it.
func TestTimesWithoutUnit(t *testing.T) {
	times := 0
	for _, f := range reflect.VisibleFields(reflect.TypeFor[chat.Options]()) {
		if f.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		times++
		o := &chat.Options{Authenticate: authenticate}
		reflect.ValueOf(o).Elem().FieldByIndex(f.Index).SetInt(20_000)
		_, err := chat.New(socketio.NewServer(nil).Of("/chat"), o)
		if want := "chat: Options." + f.Name + " is 20µs: is its unit missing"; err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if times == 0 {
		t.Error("no times")
	}
}

// TestEndlessGrace shows users of one server on another for as long as that server is
// there.
func TestEndlessGrace(t *testing.T) {
	testserver.Run(t, nil, func(h *testserver.Harness) {
		bus, db := new(adapter.Loopback), store.Memory()
		so := func() *socketio.Options { return &socketio.Options{Adapter: bus} }
		endless := func(o *chat.Options) { o.Grace = math.MaxInt64 }
		here, there := start(h, db, newRandom(1), so(), endless), start(h, db, newRandom(1), so(), endless)
		w := &world{T: h.T, h: h, chat: here.chat, store: db}
		w.room("r", chat.Open, "ann", "bob")
		ann := connect(w, "ann", here.dial)
		connect(w, "bob", there.dial)
		testserver.Wait(6 * time.Second)
		if got := ann.watch("bob"); !slices.Equal(got, []string{"bob online"}) {
			w.Errorf("watched %q", got)
		}
		testserver.Wait(time.Minute)
		ann.told("bob")
	})
}
