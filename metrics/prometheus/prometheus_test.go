package prometheus_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	client "github.com/prometheus/client_golang/prometheus"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/metrics/prometheus"
	"github.com/goroomcast/socketio/socketiotest"
)

// A harness is a server whose metrics are scraped.
type harness struct {
	*testing.T
	*socketio.Server
	registry *client.Registry
}

func run(t *testing.T, f func(h *harness)) {
	synctest.Test(t, func(t *testing.T) {
		trace, metrics := prometheus.New()
		h := &harness{T: t, registry: client.NewPedanticRegistry()}
		h.registry.MustRegister(metrics)
		h.scrape() // there is no server yet
		h.Server = socketio.NewServer(&socketio.Options{Trace: trace, Limits: socketio.Limits{EventRate: rate}})
		f(h)
	})
}

var rate = socketio.EventRate{PerSecond: 1, Burst: 1000, Over: socketio.RateDrop}

// scrape returns the values by name and labels; of a histogram, the count, and
// the sum in milliseconds.
func (h *harness) scrape() map[string]float64 {
	h.Helper()
	synctest.Wait()
	families, err := h.registry.Gather()
	if err != nil {
		h.Fatal(err)
	}
	values := make(map[string]float64)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetName()+"="+l.GetValue())
			}
			name := fmt.Sprintf("%s{%s}", f.GetName(), strings.Join(labels, ","))
			values[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			if d := m.GetHistogram(); d != nil {
				values[name] = float64(d.GetSampleCount())
				values[name+" ms"] = d.GetSampleSum() * 1000
			}
		}
	}
	return values
}

// expect compares values without their prefix.
func (h *harness) expect(want map[string]float64) {
	h.Helper()
	got := h.scrape()
	for name, n := range want {
		if got["socketio_"+name] != n {
			h.Errorf("%s is %v, want %v", name, got["socketio_"+name], n)
		}
	}
	if h.Failed() {
		h.Logf("got %v", got)
	}
}

// everything makes each metric have a value.
func everything(h *harness) (first *socketiotest.Client) {
	h.OnConnect(func(s *socketio.Socket) {
		s.Join("room")
		_ = s.CallFunc(func(*socketio.Reply, error) {}, "owed")
	})
	socketio.OnCall(h, "slow", func(_ context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		<-time.After(20 * time.Millisecond)
		return "done", nil
	})
	h.On("fails", func(context.Context, *socketio.Event) error { return errors.New("no") })
	h.Of("/closed").Use(func(context.Context, *socketio.Socket) error { return errors.New("closed") })
	h.OfPattern(regexp.MustCompile(`^/room-`))

	srv := socketiotest.NewServer(h.T, h.Server)
	first = srv.Connect(nil)
	srv.Connect(&socketiotest.Options{Transport: "upgrade", Namespace: "/room-1"})
	for _, namespace := range []string{"/closed", "/none"} {
		if _, err := srv.Dial(&socketiotest.Options{Namespace: namespace}); err == nil {
			h.Errorf("%s: not refused", namespace)
		}
	}
	socketiotest.Call[string](first, "slow")
	first.Emit("fails")
	first.Emit("none")
	h.answer("transport=pigeon")
	h.answer("EIO=4&transport=polling")
	return first
}

func (h *harness) answer(query string) (body string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/socket.io/?"+query, nil))
	return w.Body.String()
}

func TestMetrics(t *testing.T) {
	run(t, func(h *harness) {
		c := everything(h)
		h.expect(map[string]float64{
			"connections{transport=polling}":                                       1,
			"connections{transport=websocket}":                                     2,
			"connections_opened_total{transport=polling}":                          2,
			"connections_opened_total{transport=websocket}":                        3,
			"connections_closed_total{reason=transport close,transport=websocket}": 2,
			"upgrades_total{result=done}":                                          1,
			"refused_requests_total{cause=unknown transport}":                      1,
			"sockets{namespace=/}":                                                 1,
			"sockets{namespace=^/room-}":                                           1,
			"sockets_connected_total{namespace=/}":                                 1,
			"sockets_connected_total{namespace=^/room-}":                           1,
			"sockets_refused_total{namespace=/closed}":                             1,
			"sockets_refused_total{namespace=other}":                               1,
			"rooms{namespace=/}":                                                   1,
			"pending_acks{namespace=/}":                                            1,
			"event_duration_seconds{event=slow,namespace=/}":                       1,
			"event_duration_seconds{event=slow,namespace=/} ms":                    20,
			"event_duration_seconds{event=fails,namespace=/}":                      1,
			"event_errors_total{event=fails,namespace=/}":                          1,
			"event_errors_total{event=slow,namespace=/}":                           0,
			"unhandled_events_total{namespace=/}":                                  1,
		})
		before := h.scrape()
		c.Emit("none", "12345")
		now := h.scrape()
		for name, want := range map[string]float64{
			"received_packets_total": 1,
			"received_bytes_total":   float64(len(`2["none","12345"]`)),
			"sent_packets_total":     0,
			"sent_bytes_total":       0,
		} {
			if got := now["socketio_"+name+"{}"] - before["socketio_"+name+"{}"]; got != want || now["socketio_"+name+"{}"] == 0 {
				t.Errorf("%s rose by %v, want %v", name, got, want)
			}
		}
		c.Close()
		h.expect(map[string]float64{
			"connections{transport=websocket}":                                     1,
			"sockets_disconnected_total{namespace=/,reason=transport close}":       1,
			"connections_closed_total{reason=transport close,transport=websocket}": 3,
			"sockets{namespace=/}":                                                 0,
			"rooms{namespace=/}":                                                   0,
			"pending_acks{namespace=/}":                                            0,
		})
	})
}

// What waits, for clients or for handlers, and what is not kept waiting.
func TestWaiting(t *testing.T) {
	run(t, func(h *harness) {
		hold := make(chan struct{})
		h.On("hold", func(context.Context, *socketio.Event) error { <-hold; return nil })
		h.OnConnect(func(s *socketio.Socket) {
			s.Emit("news")
			s.Volatile().Emit("position")
		})
		var open struct{ SID string }
		if err := json.Unmarshal([]byte(h.answer("EIO=4&transport=polling")[1:]), &open); err != nil {
			h.Fatal(err)
		}
		session := "/socket.io/?EIO=4&transport=polling&sid=" + open.SID
		for _, packet := range []string{"40", `42["hold"]`} { // and no poll
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, session, strings.NewReader(packet)))
			synctest.Wait()
		}
		got := h.scrape()
		for _, name := range []string{"queued_bytes{}", "inbox_bytes{namespace=/}", "dropped_bytes_total{}"} {
			if got["socketio_"+name] == 0 {
				h.Errorf("%s is 0", name)
			}
		}
		close(hold)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, session, nil))
		h.expect(map[string]float64{"inbox_bytes{namespace=/}": 0, "queued_bytes{}": 0, "dropped_packets_total{}": 1})
		h.Close()
	})
}

// beyondRate has a client send so many events more than it may.
func beyondRate(h *harness, n int) {
	c := socketiotest.NewServer(h.T, h.Server).Connect(nil)
	for range rate.Burst + n {
		c.Emit("none")
	}
}

func TestOverRate(t *testing.T) {
	run(t, func(h *harness) {
		beyondRate(h, 3)
		h.expect(map[string]float64{"events_over_rate_total{namespace=/}": 3})
	})
}

// Clients cannot make series.
func TestCardinality(t *testing.T) {
	run(t, func(h *harness) {
		h.OfFunc(func(context.Context, string, *socketio.Handshake) bool { return true })
		h.OnConnect(func(s *socketio.Socket) {
			for i := range 300 { // more than clients should be let
				s.On(fmt.Sprint("own ", i), func(context.Context, *socketio.Event) error { return nil })
			}
		})
		srv := socketiotest.NewServer(h.T, h.Server)
		c := srv.Connect(nil)
		for i := range 300 {
			c.Emit(fmt.Sprint("made up ", i))
			c.Emit(fmt.Sprint("own ", i))
			h.answer(fmt.Sprint("transport=", i))
		}
		for i := range 10 {
			srv.Connect(&socketiotest.Options{Namespace: fmt.Sprint("/made-up-", i)})
		}
		values := h.scrape()
		if len(values) > 200*2+60 {
			t.Errorf("%d series", len(values))
		}
		h.expect(map[string]float64{
			"event_duration_seconds{event=own 199,namespace=/}": 1,
			"event_duration_seconds{event=other,namespace=/}":   100,
			"unhandled_events_total{namespace=/}":               300,
			"sockets{namespace=other}":                          10,
			"refused_requests_total{cause=unknown transport}":   300,
		})
	})
}

// A Trace is for one server, because its numbers would be wrong otherwise.
func TestSecondServer(t *testing.T) {
	trace, _ := prometheus.New()
	defer socketio.NewServer(&socketio.Options{Trace: trace}).Close()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	socketio.NewServer(&socketio.Options{Trace: trace})
}

// The dashboard and docs/metrics.md have each metric, and no others.
func TestDashboard(t *testing.T) {
	there := map[string]bool{}
	run(t, func(h *harness) {
		everything(h).Close()
		beyondRate(h, 1)
		for name := range h.scrape() {
			name, _, _ = strings.Cut(name, "{")
			there[name] = true
		}
	})
	suffix := regexp.MustCompile(`(seconds)_(bucket|sum|count)$`)
	for _, file := range []string{"../grafana/dashboard.json", "../../docs/metrics.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown := map[string]bool{}
		for _, name := range regexp.MustCompile(`socketio_\w+`).FindAllString(string(text), -1) {
			shown[suffix.ReplaceAllString(name, "$1")] = true
		}
		for name := range shown {
			if !there[name] {
				t.Errorf("%s has %s, which is no metric", file, name)
			}
		}
		for name := range there {
			if !shown[name] {
				t.Errorf("%s has no %s", file, name)
			}
		}
	}
}
