package prometheus

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/goroomcast/socketio"
)

// A collector has the counters, and reads the server's state when scraped.
type collector struct {
	counters []prometheus.Collector
	server   atomic.Pointer[socketio.Server] // nil until it is made
}

var (
	connections = gauge("connections", "Connections.", "transport")
	queued      = gauge("queued_bytes", "Bytes that wait for clients.")
	sockets     = gauge("sockets", "Sockets, also those that middleware has not decided on.", "namespace")
	rooms       = gauge("rooms", "Rooms, without those that are sockets' ids.", "namespace")
	acks        = gauge("pending_acks", "Replies that clients owe.", "namespace")
	inbox       = gauge("inbox_bytes", "Bytes of events that wait for handlers.", "namespace")
)

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

func (c *collector) observe(s *socketio.Server) {
	if !c.server.CompareAndSwap(nil, s) {
		panic("prometheus: the Trace of New is for one server; call New for each")
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, counter := range c.counters {
		counter.Describe(to)
	}
	for _, desc := range []*prometheus.Desc{connections, queued, sockets, rooms, acks, inbox} {
		to <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, counter := range c.counters {
		counter.Collect(to)
	}
	server := c.server.Load()
	if server == nil {
		return
	}
	send := func(desc *prometheus.Desc, n int, labels ...string) {
		to <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, float64(n), labels...)
	}
	now := server.Stats()
	send(connections, now.Polling, "polling")
	send(connections, now.WebSocket, "websocket")
	send(queued, now.Queued)
	for namespace, n := range now.Namespaces {
		send(sockets, n.Sockets, namespace)
		send(rooms, n.Rooms, namespace)
		send(acks, n.Acks, namespace)
		send(inbox, n.Inbox, namespace)
	}
}
