// Package prometheus contains Prometheus metrics for a Socket.IO server:
//
//	trace, metrics := prometheus.New()
//	io := socketio.NewServer(&socketio.Options{Trace: trace})
//	client.MustRegister(metrics) // client is client_golang's package prometheus
//
// docs/metrics.md lists them, and metrics/grafana contains a dashboard.
package prometheus

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/labels"
)

// New returns a Trace for one server, and the metrics that it keeps. Where
// there are several servers, call New for each and register its metrics with
// a label (client_golang's WrapRegistererWith). To add hooks of your own use
// [socketio.Trace.With].
//
// No metric has more series than the program has namespaces and events: the
// children of a family count together, as do events without a handler and,
// beyond the first 200, further names of events.
func New() (*socketio.Trace, prometheus.Collector) {
	c := newCounters()
	metrics := &collector{counters: c.all()}
	return &socketio.Trace{
		ServerCreated: metrics.observe,
		Opened:        func(conn socketio.Conn) { c.opened.WithLabelValues(conn.Transport()).Inc() },
		Closed: func(conn socketio.Conn, r socketio.Reason) {
			c.closed.WithLabelValues(conn.Transport(), string(r)).Inc()
		},
		Upgraded: func(_ socketio.Conn, err error) { c.upgrades.WithLabelValues(result(err)).Inc() },
		Rejected: func(_ *http.Request, e socketio.Refusal) { c.refused.WithLabelValues(string(e.Cause)).Inc() },
		Received: func(_ socketio.Conn, bytes int) {
			c.receivedPackets.Inc()
			c.receivedBytes.Add(float64(bytes))
		},
		Sent: func(_ socketio.Conn, packets, bytes int) {
			c.sentPackets.Add(float64(packets))
			c.sentBytes.Add(float64(bytes))
		},
		Dropped: func(_ socketio.Conn, packets, bytes int) {
			c.droppedPackets.Add(float64(packets))
			c.droppedBytes.Add(float64(bytes))
		},
		Connected: func(s *socketio.Socket) { c.connected.WithLabelValues(labels.Namespace(s.Namespace())).Inc() },
		Disconnected: func(s *socketio.Socket, r socketio.Reason) {
			c.disconnected.WithLabelValues(labels.Namespace(s.Namespace()), string(r)).Inc()
		},
		Refused: func(n *socketio.Namespace, _ error) { c.rejected.WithLabelValues(labels.Namespace(n)).Inc() },
		OverRate: func(s *socketio.Socket, _ string) {
			c.overRate.WithLabelValues(labels.Namespace(s.Namespace())).Inc()
		},
		Handle: c.handle,
	}, metrics
}

// handle measures how long the handlers of an event take.
func (c *counters) handle(ctx context.Context, e *socketio.Event) (context.Context, func(error)) {
	start := time.Now()
	return ctx, func(err error) {
		namespace := labels.Namespace(e.Socket().Namespace())
		if errors.Is(err, socketio.ErrNoHandler) {
			c.unhandled.WithLabelValues(namespace).Inc()
			return
		}
		event := c.events.Label(e.Name())
		c.duration.WithLabelValues(namespace, event).Observe(time.Since(start).Seconds())
		if err != nil {
			c.failed.WithLabelValues(namespace, event).Inc()
		}
	}
}

func result(err error) string {
	if err != nil {
		return "failed"
	}
	return "done"
}
