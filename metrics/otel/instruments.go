package otel

import (
	"context"
	"errors"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/labels"
)

// The instruments are the counters that hooks add to, and the gauges that are
// observed when the metrics are collected.
type instruments struct {
	tracer trace.Tracer
	server atomic.Pointer[socketio.Server] // nil until it is made
	events labels.Events

	opened, closed, upgrades, refused metric.Int64Counter

	receivedPackets, receivedBytes metric.Int64Counter
	sentPackets, sentBytes         metric.Int64Counter
	droppedPackets, droppedBytes   metric.Int64Counter

	connected, disconnected, rejected metric.Int64Counter

	duration                    metric.Float64Histogram
	failed, unhandled, overRate metric.Int64Counter

	connections, queued         metric.Int64ObservableUpDownCounter
	sockets, rooms, acks, inbox metric.Int64ObservableUpDownCounter
}

func newInstruments(meter metric.Meter) (*instruments, error) {
	m := maker{meter: meter}
	i := &instruments{
		opened:   m.counter("connection.opened", "{connection}", "Connections opened."),
		closed:   m.counter("connection.closed", "{connection}", "Connections ended."),
		upgrades: m.counter("upgrade", "{upgrade}", "Upgrades from polling to WebSocket."),
		refused:  m.counter("request.refused", "{request}", "Requests answered by an error."),

		receivedPackets: m.counter("received.packets", "{packet}", "Engine.IO packets received."),
		receivedBytes:   m.counter("received.bytes", "By", "Data of packets received."),
		sentPackets:     m.counter("sent.packets", "{packet}", "Engine.IO packets sent."),
		sentBytes:       m.counter("sent.bytes", "By", "WebSocket frames and polling payloads sent."),
		droppedPackets:  m.counter("dropped.packets", "{packet}", "Packets not sent to clients that were not ready."),
		droppedBytes:    m.counter("dropped.bytes", "By", "Not sent to clients that were not ready."),

		connected:    m.counter("socket.connected", "{socket}", "Sockets let in."),
		disconnected: m.counter("socket.disconnected", "{socket}", "Sockets disconnected."),
		rejected:     m.counter("socket.refused", "{socket}", "Clients refused by middleware or for want of a namespace."),

		failed:    m.counter("event.errors", "{event}", "Events of which a handler returned an error or panicked."),
		unhandled: m.counter("event.unhandled", "{event}", "Events without a handler."),
		overRate:  m.counter("event.over_rate", "{event}", "Events beyond Options.Limits.EventRate, not handled."),

		connections: m.state("connections", "{connection}", "Connections."),
		queued:      m.state("queued", "By", "What waits for clients."),
		sockets:     m.state("sockets", "{socket}", "Sockets, also those that middleware has not decided on."),
		rooms:       m.state("rooms", "{room}", "Rooms, without those that are sockets' ids."),
		acks:        m.state("pending_acks", "{reply}", "Replies that clients owe."),
		inbox:       m.state("inbox", "By", "Events that wait for handlers."),
	}
	var err error
	i.duration, err = meter.Float64Histogram(prefix+"event.duration", metric.WithUnit("s"),
		metric.WithDescription("Time that the handlers of an event took."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10))
	_, errCallback := meter.RegisterCallback(i.collect, i.connections, i.queued, i.sockets, i.rooms, i.acks, i.inbox)
	return i, errors.Join(m.err, err, errCallback)
}

const prefix = "socketio."

// A maker makes instruments and joins the errors.
type maker struct {
	meter metric.Meter
	err   error
}

func (m *maker) counter(name, unit, description string) metric.Int64Counter {
	c, err := m.meter.Int64Counter(prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (m *maker) state(name, unit, description string) metric.Int64ObservableUpDownCounter {
	c, err := m.meter.Int64ObservableUpDownCounter(prefix+name, metric.WithUnit(unit), metric.WithDescription(description))
	m.err = errors.Join(m.err, err)
	return c
}

func (i *instruments) observe(s *socketio.Server) {
	if !i.server.CompareAndSwap(nil, s) {
		panic("otel: the Trace of New is for one server; call New for each")
	}
}

func (i *instruments) collect(_ context.Context, o metric.Observer) error {
	server := i.server.Load()
	if server == nil {
		return nil
	}
	now := server.Stats()
	o.ObserveInt64(i.connections, int64(now.Polling), with(attribute.String("transport", "polling")))
	o.ObserveInt64(i.connections, int64(now.WebSocket), with(attribute.String("transport", "websocket")))
	o.ObserveInt64(i.queued, int64(now.Queued))
	for name, n := range now.Namespaces {
		in := with(attribute.String("namespace", name))
		o.ObserveInt64(i.sockets, int64(n.Sockets), in)
		o.ObserveInt64(i.rooms, int64(n.Rooms), in)
		o.ObserveInt64(i.acks, int64(n.Acks), in)
		o.ObserveInt64(i.inbox, int64(n.Inbox), in)
	}
	return nil
}
