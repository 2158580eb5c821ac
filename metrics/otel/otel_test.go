package otel_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	instrument "go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	api "go.opentelemetry.io/otel/trace"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/metrics/otel"
	"github.com/goroomcast/socketio/socketiotest"
)

// A recording is what providers were given.
type recording struct {
	*testing.T
	reader *metric.ManualReader
	spans  *tracetest.SpanRecorder
	tracer api.Tracer
}

// run runs f with a server that is recorded.
func run(t *testing.T, f func(r *recording, io *socketio.Server)) {
	synctest.Test(t, func(t *testing.T) {
		r := &recording{T: t, reader: metric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
		meters := metric.NewMeterProvider(metric.WithReader(r.reader))
		tracers := trace.NewTracerProvider(trace.WithSpanProcessor(r.spans))
		r.tracer = tracers.Tracer("test")
		hooks, err := otel.New(&otel.Options{MeterProvider: meters, TracerProvider: tracers})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.numbers(); len(got) != 0 {
			t.Errorf("%v before there is a server", got)
		}
		f(r, socketio.NewServer(&socketio.Options{Trace: hooks, Limits: socketio.Limits{EventRate: rate}}))
	})
}

var rate = socketio.EventRate{PerSecond: 1, Burst: 1000, Over: socketio.RateDrop}

// numbers returns the values by name and attributes.
func (r *recording) numbers() map[string]int64 {
	r.Helper()
	synctest.Wait()
	var all metricdata.ResourceMetrics
	if err := r.reader.Collect(context.Background(), &all); err != nil {
		r.Fatal(err)
	}
	numbers := make(map[string]int64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					numbers[m.Name+show(p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					numbers[m.Name+show(p.Attributes)+" count"] = int64(p.Count)
					numbers[m.Name+show(p.Attributes)+" ms"] = int64(p.Sum * 1000)
				}
			default:
				r.Errorf("%s is a %T", m.Name, data)
			}
		}
	}
	return numbers
}

func show(set attribute.Set) string {
	var all []string
	for _, a := range set.ToSlice() {
		all = append(all, fmt.Sprintf("%s=%v", a.Key, a.Value.AsInterface()))
	}
	return "{" + strings.Join(all, ",") + "}"
}

func (r *recording) expect(want map[string]int64) {
	r.Helper()
	got := r.numbers()
	for name, n := range want {
		if got[name] != n {
			r.Errorf("%s is %d, want %d", name, got[name], n)
		}
	}
	if r.Failed() {
		r.Logf("got %v", got)
	}
}

func TestMetrics(t *testing.T) {
	run(t, func(r *recording, io *socketio.Server) {
		io.OnConnect(func(s *socketio.Socket) {
			s.Join("room")
			_ = s.CallFunc(func(*socketio.Reply, error) {}, "owed")
		})
		socketio.OnCall(io, "slow", func(context.Context, *socketio.Socket, struct{}) (string, error) {
			<-time.After(20 * time.Millisecond)
			return "done", nil
		})
		io.On("fails", func(context.Context, *socketio.Event) error { return errors.New("no") })
		io.Of("/closed").Use(func(context.Context, *socketio.Socket) error { return errors.New("closed") })
		io.OfFunc(func(context.Context, string, *socketio.Handshake) bool { return true })

		srv := socketiotest.NewServer(r.T, io)
		a := srv.Connect(nil)
		srv.Connect(&socketiotest.Options{Transport: "polling"})
		srv.Connect(&socketiotest.Options{Transport: "upgrade", Namespace: "/made-up"})
		if _, err := srv.Dial(&socketiotest.Options{Namespace: "/closed"}); err == nil {
			t.Error("not refused")
		}
		socketiotest.Call[string](a, "slow")
		a.Emit("fails")
		a.Emit("none")
		io.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/socket.io/?transport=pigeon", nil))
		r.expect(map[string]int64{
			"socketio.connection.opened{transport=polling}":                          2,
			"socketio.connection.opened{transport=websocket}":                        2,
			"socketio.connection.closed{reason=transport close,transport=websocket}": 1,
			"socketio.connections{transport=polling}":                                1,
			"socketio.connections{transport=websocket}":                              2,
			"socketio.upgrade{failed=false}":                                         1,
			"socketio.request.refused{cause=unknown transport}":                      1,
			"socketio.socket.connected{namespace=/}":                                 2,
			"socketio.socket.connected{namespace=other}":                             1,
			"socketio.socket.refused{namespace=/closed}":                             1,
			"socketio.sockets{namespace=/}":                                          2,
			"socketio.sockets{namespace=/closed}":                                    0,
			"socketio.sockets{namespace=other}":                                      1,
			"socketio.rooms{namespace=/}":                                            1,
			"socketio.pending_acks{namespace=/}":                                     2,
			"socketio.event.duration{event=slow,namespace=/} count":                  1,
			"socketio.event.duration{event=slow,namespace=/} ms":                     20,
			"socketio.event.duration{event=fails,namespace=/} count":                 1,
			"socketio.event.errors{event=fails,namespace=/}":                         1,
			"socketio.event.errors{event=slow,namespace=/}":                          0,
			"socketio.event.unhandled{namespace=/}":                                  1,
		})
		before := r.numbers()
		a.Close()
		r.expect(map[string]int64{
			"socketio.connection.closed{reason=transport close,transport=websocket}": 2,
			"socketio.socket.disconnected{namespace=/,reason=transport close}":       1,
			"socketio.connections{transport=websocket}":                              1,
			"socketio.pending_acks{namespace=/}":                                     1,
		})
		for _, name := range []string{"received.packets", "received.bytes", "sent.packets", "sent.bytes"} {
			if before["socketio."+name+"{}"] == 0 {
				t.Errorf("%s is 0", name)
			}
		}
	})
}

func TestOverRate(t *testing.T) {
	run(t, func(r *recording, io *socketio.Server) {
		c := socketiotest.NewServer(r.T, io).Connect(nil)
		for range rate.Burst + 3 {
			c.Emit("none")
		}
		r.expect(map[string]int64{"socketio.event.over_rate{namespace=/}": 3})
	})
}

func TestSpans(t *testing.T) {
	run(t, func(r *recording, io *socketio.Server) {
		var inside api.SpanContext
		io.On("works", func(ctx context.Context, _ *socketio.Event) error {
			inside = api.SpanContextFromContext(ctx)
			return nil
		})
		io.On("fails", func(context.Context, *socketio.Event) error { return errors.New("no") })
		var request api.SpanContext
		srv := socketiotest.NewServer(r.T, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			ctx, span := r.tracer.Start(q.Context(), "request")
			request = span.SpanContext()
			io.ServeHTTP(w, q.WithContext(ctx))
		}))
		defer io.Close()
		c := srv.Connect(nil)
		for _, event := range []string{"works", "fails", "none"} {
			c.Emit(event)
		}
		synctest.Wait()
		spans := r.spans.Ended()
		if len(spans) != 3 {
			t.Fatalf("%d spans", len(spans))
		}
		for i, want := range []struct {
			name   string
			status codes.Code
		}{{"event works", codes.Unset}, {"event fails", codes.Error}, {"event", codes.Unset}} {
			s := spans[i]
			if s.Name() != want.name || s.Status().Code != want.status || s.Parent().IsValid() ||
				len(s.Links()) != 1 || !s.Links()[0].SpanContext.Equal(request) {
				t.Errorf("span %q with status %v, links %v, parent %v", s.Name(), s.Status(), s.Links(), s.Parent())
			}
		}
		if !inside.Equal(spans[0].SpanContext()) {
			t.Error("the handler's context has another span")
		}
	})
}

// docs/metrics.md has each metric, and no others.
func TestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, name := range regexp.MustCompile("`(socketio\\.[a-z_.]+)`").FindAllStringSubmatch(string(page), -1) {
		listed = append(listed, name[1])
	}
	made := &namer{}
	if _, err := otel.New(&otel.Options{MeterProvider: made}); err != nil {
		t.Fatal(err)
	}
	slices.Sort(made.meter.names)
	slices.Sort(listed)
	if !slices.Equal(made.meter.names, listed) {
		t.Errorf("there are %q, listed are %q", made.meter.names, listed)
	}
}

// A namer is a provider of one meter, which notes the names of instruments.
type namer struct {
	embedded.MeterProvider
	meter namingMeter
}

func (n *namer) Meter(string, ...instrument.MeterOption) instrument.Meter { return &n.meter }

type namingMeter struct {
	noop.Meter
	names []string
}

func (m *namingMeter) Int64Counter(name string, o ...instrument.Int64CounterOption) (instrument.Int64Counter, error) {
	m.names = append(m.names, name)
	return m.Meter.Int64Counter(name, o...)
}

func (m *namingMeter) Float64Histogram(name string, o ...instrument.Float64HistogramOption) (instrument.Float64Histogram, error) {
	m.names = append(m.names, name)
	return m.Meter.Float64Histogram(name, o...)
}

func (m *namingMeter) Int64ObservableUpDownCounter(name string, o ...instrument.Int64ObservableUpDownCounterOption) (instrument.Int64ObservableUpDownCounter, error) {
	m.names = append(m.names, name)
	return m.Meter.Int64ObservableUpDownCounter(name, o...)
}
