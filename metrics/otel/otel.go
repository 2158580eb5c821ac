// Package otel contains OpenTelemetry metrics and spans for a Socket.IO server:
//
//	trace, err := otel.New(nil)
//	if err != nil {
//		log.Fatal(err)
//	}
//	io := socketio.NewServer(&socketio.Options{Trace: trace})
//
// docs/metrics.md lists them.
package otel

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/labels"
)

// Options say where metrics and spans go. The zero value of each field means
// the global provider.
type Options struct {
	MeterProvider  metric.MeterProvider
	TracerProvider trace.TracerProvider
}

const scope = "github.com/goroomcast/socketio/metrics/otel"

// New returns a Trace for one server. Options may be nil. To add hooks of your
// own use [socketio.Trace.With].
//
// Each event is a span, in the context that its handlers get. It begins a
// trace, which is linked to the span of the connection's first request, because
// connections last.
//
// No metric has more attributes than the program has namespaces and events:
// the children of a family count together, as do events without a handler
// and, beyond the first 200, further names of events.
func New(o *Options) (*socketio.Trace, error) {
	var opts Options
	if o != nil {
		opts = *o
	}
	if opts.MeterProvider == nil {
		opts.MeterProvider = otel.GetMeterProvider()
	}
	if opts.TracerProvider == nil {
		opts.TracerProvider = otel.GetTracerProvider()
	}
	i, err := newInstruments(opts.MeterProvider.Meter(scope))
	if err != nil {
		return nil, err
	}
	i.tracer = opts.TracerProvider.Tracer(scope)
	return i.trace(), nil
}

// background is for what happens outside of any request.
var background = context.Background()

func (i *instruments) trace() *socketio.Trace {
	return &socketio.Trace{
		ServerCreated: i.observe,
		Opened:        func(conn socketio.Conn) { i.opened.Add(background, 1, with(transport(conn))) },
		Closed: func(conn socketio.Conn, r socketio.Reason) {
			i.closed.Add(background, 1, with(transport(conn), reason(string(r))))
		},
		Upgraded: func(_ socketio.Conn, err error) {
			i.upgrades.Add(background, 1, with(attribute.Bool("failed", err != nil)))
		},
		Rejected: func(r *http.Request, e socketio.Refusal) {
			i.refused.Add(r.Context(), 1, with(attribute.String("cause", string(e.Cause))))
		},
		Received: func(_ socketio.Conn, bytes int) {
			i.receivedPackets.Add(background, 1)
			i.receivedBytes.Add(background, int64(bytes))
		},
		Sent: func(_ socketio.Conn, packets, bytes int) {
			i.sentPackets.Add(background, int64(packets))
			i.sentBytes.Add(background, int64(bytes))
		},
		Dropped: func(_ socketio.Conn, packets, bytes int) {
			i.droppedPackets.Add(background, int64(packets))
			i.droppedBytes.Add(background, int64(bytes))
		},
		Connected: func(s *socketio.Socket) { i.connected.Add(background, 1, with(namespace(s.Namespace()))) },
		Disconnected: func(s *socketio.Socket, r socketio.Reason) {
			i.disconnected.Add(background, 1, with(namespace(s.Namespace()), reason(string(r))))
		},
		Refused: func(n *socketio.Namespace, _ error) { i.rejected.Add(background, 1, with(namespace(n))) },
		OverRate: func(s *socketio.Socket, _ string) {
			i.overRate.Add(background, 1, with(namespace(s.Namespace())))
		},
		Handle: i.handle,
	}
}

// handle makes a span of an event and measures how long its handlers take.
func (i *instruments) handle(ctx context.Context, e *socketio.Event) (context.Context, func(error)) {
	start := time.Now()
	in := namespace(e.Socket().Namespace())
	ctx, span := i.tracer.Start(ctx, "event",
		trace.WithSpanKind(trace.SpanKindConsumer),
		trace.WithNewRoot(),
		trace.WithLinks(trace.LinkFromContext(ctx)),
		trace.WithAttributes(in),
	)
	return ctx, func(err error) {
		defer span.End()
		if errors.Is(err, socketio.ErrNoHandler) {
			i.unhandled.Add(ctx, 1, with(in))
			return
		}
		event := i.events.Label(e.Name())
		span.SetName("event " + event)
		span.SetAttributes(attribute.String("event", event))
		named := with(in, attribute.String("event", event))
		i.duration.Record(ctx, time.Since(start).Seconds(), named)
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, err.Error())
			i.failed.Add(ctx, 1, named)
		}
	}
}

func with(attributes ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(attributes...))
}

func transport(conn socketio.Conn) attribute.KeyValue {
	return attribute.String("transport", conn.Transport())
}

func reason(r string) attribute.KeyValue { return attribute.String("reason", r) }

func namespace(n *socketio.Namespace) attribute.KeyValue {
	return attribute.String("namespace", labels.Namespace(n))
}
