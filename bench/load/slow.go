//go:build linux

package load

import (
	"fmt"
	"time"
)

const (
	largeSize   = 64 << 10
	largeFrames = 400 // in each half
)

// slow broadcasts large frames to n clients, one at a time, first to all of
// them, then with one that does not read. It measures how much the server
// grows by that, and what the others notice.
func slow(n int) func(*trial) error {
	return func(t *trial) error {
		if err := t.connect(n); err != nil {
			return err
		}
		half := &largeBroadcasts{trial: t, left: largeFrames}
		t.deliver = half.deliver
		if err := half.finish("broadcasts of 64 KiB"); err != nil {
			return err
		}
		before, peak := t.latencies.quantile(0.99), half.peak

		stalled := t.clients[n-1]
		stalled.mayEnd = true
		if err := stalled.stream.Stall(); err != nil {
			return err
		}
		t.latencies = latencies{}
		half.left, half.peak = largeFrames, 0
		if err := half.finish("broadcasts with a client that does not read"); err != nil {
			return err
		}
		after := t.latencies.quantile(0.99)
		t.result = Result{
			Cost:     float64(max(0, half.peak-peak)) / (1 << 20),
			Messages: t.messages,
			P50:      t.latencies.quantile(0.5),
			P99:      after,
			Note:     fmt.Sprintf("p99 of the others %.1f ms, before %.1f ms", millis(after), millis(before)),
		}
		return t.drain()
	}
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// largeBroadcasts are broadcasts by the first client, one at a time.
type largeBroadcasts struct {
	*trial
	flight flight
	left   int // to be sent
	peak   int // resident size of the server, bytes
}

func (l *largeBroadcasts) finish(what string) error {
	l.measuring = true
	if err := l.next(); err != nil {
		return err
	}
	err := l.wait(what, l.patience, func() (bool, error) { return l.left == 0 && l.outstanding == 0, nil })
	if err != nil {
		err = fmt.Errorf("%d of %d left, the last one has yet to reach %d: %w", l.left, largeFrames, l.flight.missing, err)
	}
	l.measuring = false
	return err
}

func (l *largeBroadcasts) next() error {
	sender := l.clients[0]
	b := append(l.flight.packet[:0], `2["bcast","`...)
	l.flight.packet = append(letters.append(b, 0, sender.sent, largeSize), `"]`...)
	l.flight.sent, l.flight.missing = l.loop.Now, 0
	for _, c := range l.clients {
		if !c.mayEnd {
			l.flight.missing++
		}
	}
	l.outstanding += l.flight.missing
	l.left--
	sender.sent++
	return sender.sendText([]byte("4"), l.flight.packet)
}

func (l *largeBroadcasts) deliver(c *client, packet []byte, _ bool) error {
	if c.mayEnd { // the server has closed it, and what had come before is read
		return nil
	}
	if c.got == l.clients[0].sent {
		return unexpected(c, packet, false)
	}
	if err := verify(c, packet, l.flight.packet); err != nil {
		return err
	}
	c.got++
	l.count(l.flight.sent)
	if l.flight.missing--; l.flight.missing > 0 {
		return nil
	}
	size, err := residentSize(l.target.PID)
	if err != nil {
		return err
	}
	l.peak = max(l.peak, size)
	if l.left == 0 {
		return nil
	}
	return l.next()
}
