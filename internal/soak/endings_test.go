//go:build linux

package soak

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// A wire is a connection of a client. The client does not read while it holds
// the gate.
type wire struct {
	*net.TCPConn
	gate sync.Mutex
}

func (w *wire) Read(b []byte) (int, error) {
	w.gate.Lock()
	w.gate.Unlock() //nolint:staticcheck // it waits for the gate
	return w.TCPConn.Read(b)
}

// endings are the ways in which a client leaves. All is read that the server
// owes it.
var endings = map[string]func(v *visitor) error{
	"close": func(v *visitor) error {
		v.Close()
		return nil
	},
	"disconnect": func(v *visitor) error {
		err := v.Send("41")
		v.Drop()
		return err
	},
	"drop": func(v *visitor) error {
		v.Drop()
		return nil
	},
	"reset": func(v *visitor) error {
		for _, w := range v.wires {
			_ = w.SetLinger(0) // those of polls may be closed already
			_ = w.TCPConn.Close()
		}
		v.Drop()
		return nil
	},
	"half-close": (*visitor).halfClose,
}

// breaks are those after which a client can come back.
var breaks = []string{"drop", "reset", "half-close"}

// halfClose says that nothing more follows. Over WebSocket that is the end of the
// session, and the server closes its side.
func (v *visitor) halfClose() error {
	for _, w := range v.wires {
		_ = w.CloseWrite()
	}
	defer v.Drop()
	if !v.OverWebSocket() {
		return nil
	}
	for timeout := time.After(patience); ; {
		select {
		case _, ok := <-v.Packets():
			if !ok {
				return nil
			}
		case <-timeout:
			return errors.New("the server does not close its side")
		}
	}
}

// stall is the life of a client that has the server send more than may wait,
// and does not read. Once the server has given it up, it reads what is there:
// the beginning, without a gap, and then the end.
func (s *soak) stall(at int) {
	s.rest(rand.N(time.Second))
	v := &visitor{soak: s, site: at, room: "stalled", owner: int(s.clients.Add(1))}
	if err := v.connect(rawclient.WebSocket); err != nil {
		s.t.Errorf("stalled client: %v", err)
		return
	}
	defer v.Drop()
	_ = v.wires[0].SetReadBuffer(256 << 10)
	v.wires[0].gate.Lock()
	err := v.Send(`42["flood"]`)
	for end := time.Now().Add(patience); err == nil && !s.sites[at].wasSlow(v.owner); {
		<-time.After(200 * time.Millisecond)
		if time.Now().After(end) {
			err = fmt.Errorf("not too slow after %v", patience)
		}
	}
	v.wires[0].gate.Unlock()
	for n := 0; err == nil; n++ {
		select {
		case packet, more := <-v.Packets():
			if !more && n > 0 {
				s.floods.Add(1)
				return
			}
			err = checkFlood(packet, v.owner, n)
		case <-time.After(patience):
			err = errors.New("the connection does not end")
		}
	}
	s.t.Errorf("stalled client %d of server %d: %v", v.owner, at, err)
}

// checkFlood wants the nth event of a flood.
func checkFlood(packet string, owner, n int) error {
	var name, text string
	var number int
	body, ok := strings.CutPrefix(packet, "42")
	err := json.Unmarshal([]byte(body), &[]any{&name, &number, &text})
	if !ok || err != nil || name != "flood" || number != n || text != floodText(owner, n) {
		return fmt.Errorf("%w: event %d of a flood (%v): %.60q", errPacket, n, err, packet)
	}
	return nil
}
