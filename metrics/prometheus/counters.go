package prometheus

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/goroomcast/socketio/internal/labels"
)

// The counters are what hooks add to.
type counters struct {
	opened, closed, upgrades, refused *prometheus.CounterVec

	receivedPackets, receivedBytes prometheus.Counter
	sentPackets, sentBytes         prometheus.Counter
	droppedPackets, droppedBytes   prometheus.Counter

	connected, disconnected, rejected *prometheus.CounterVec

	events                      labels.Events
	duration                    *prometheus.HistogramVec
	failed, unhandled, overRate *prometheus.CounterVec
}

// buckets of handlers' durations, in seconds.
var buckets = []float64{.0005, .001, .005, .01, .05, .1, .5, 1, 5, 10}

func newCounters() *counters {
	return &counters{
		opened:   counterVec("connections_opened_total", "Connections opened.", "transport"),
		closed:   counterVec("connections_closed_total", "Connections ended.", "transport", "reason"),
		upgrades: counterVec("upgrades_total", "Upgrades from polling to WebSocket.", "result"),
		refused:  counterVec("refused_requests_total", "Requests answered by an error.", "cause"),

		receivedPackets: counter("received_packets_total", "Engine.IO packets received."),
		receivedBytes:   counter("received_bytes_total", "Bytes of the data of packets received."),
		sentPackets:     counter("sent_packets_total", "Engine.IO packets sent."),
		sentBytes:       counter("sent_bytes_total", "Bytes of WebSocket frames and polling payloads sent."),
		droppedPackets:  counter("dropped_packets_total", "Packets not sent to clients that were not ready."),
		droppedBytes:    counter("dropped_bytes_total", "Bytes not sent to clients that were not ready."),

		connected:    counterVec("sockets_connected_total", "Sockets let in.", "namespace"),
		disconnected: counterVec("sockets_disconnected_total", "Sockets disconnected.", "namespace", "reason"),
		rejected:     counterVec("sockets_refused_total", "Clients refused by middleware or for want of a namespace.", "namespace"),

		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: prefix + "event_duration_seconds", Help: "Time that the handlers of an event took.", Buckets: buckets,
		}, []string{"namespace", "event"}),
		failed:    counterVec("event_errors_total", "Events of which a handler returned an error or panicked.", "namespace", "event"),
		unhandled: counterVec("unhandled_events_total", "Events without a handler.", "namespace"),
		overRate:  counterVec("events_over_rate_total", "Events beyond Options.Limits.EventRate, not handled.", "namespace"),
	}
}

const prefix = "socketio_"

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: prefix + name, Help: help})
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
}

func (c *counters) all() []prometheus.Collector {
	return []prometheus.Collector{
		c.opened, c.closed, c.upgrades, c.refused,
		c.receivedPackets, c.receivedBytes, c.sentPackets, c.sentBytes, c.droppedPackets, c.droppedBytes,
		c.connected, c.disconnected, c.rejected, c.duration, c.failed, c.unhandled, c.overRate,
	}
}
