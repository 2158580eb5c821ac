//go:build linux

package load

import (
	"fmt"
	"syscall"
)

// A Group of scenarios is compared in one plot.
type Group struct{ Name, Title string }

// All groups.
var (
	Replies   = &Group{"replies", "CPU time per reply"}
	Fanout    = &Group{"fanout", "CPU time per delivery"}
	Transport = &Group{"transport", "CPU time of polling and of connecting"}
	Memory    = &Group{"idle", "Memory per idle connection"}
	Stress    = &Group{"stress", "Memory under stress"}
	Scale     = &Group{"scale", "What a server costs, by the number of its clients"}

	Groups = []*Group{Replies, Fanout, Transport, Memory, Stress} // those in which servers are compared, in the order of the results
)

// A Scenario is what the clients do.
type Scenario struct {
	Name    string
	Group   *Group
	Unit    string // of Result.Cost
	Clients int
	Does    string // in a few words
	Long    bool   // too long, or too large, for the short form
	Polling bool   // needs HTTP long-polling

	run func(*trial) error
}

// Scenarios are all there are, in the order of the table.
var Scenarios = []*Scenario{
	{Name: "echo-k1", Group: Replies, Unit: "µs", Clients: 100, run: replies(echo, 100, 1),
		Does: "100 clients, 64 bytes back and forth, one message each on its way"},
	{Name: "echo-k16", Group: Replies, Unit: "µs", Clients: 100, run: replies(echo, 100, 16),
		Does: "the same with 16 on their way"},
	{Name: "ack-k1", Group: Replies, Unit: "µs", Clients: 100, run: replies(ack, 100, 1),
		Does: "the same as acknowledgements, one on its way"},
	{Name: "ack-k16", Group: Replies, Unit: "µs", Clients: 100, run: replies(ack, 100, 16),
		Does: "acknowledgements, 16 on their way"},
	{Name: "binary-1k", Group: Replies, Unit: "µs", Clients: 100, run: binaryEcho(100),
		Does: "100 clients, an attachment of 1 KiB back and forth, one each on its way"},

	{Name: "bcast-1k", Group: Fanout, Unit: "µs", Clients: 1000, run: broadcast(1000, 1),
		Does: "128 bytes to 1,000 clients, one broadcast on its way"},
	{Name: "bcast-1k-w8", Group: Fanout, Unit: "µs", Clients: 1000, run: broadcast(1000, 8),
		Does: "the same with eight on their way"},
	{Name: "bcast-10k", Group: Fanout, Unit: "µs", Clients: 10000, Long: true, run: broadcast(10000, 1),
		Does: "the same to 10,000 clients, one on its way"},

	{Name: "rooms-10k", Group: Fanout, Unit: "µs", Clients: 10000, run: rooms(10000, 8),
		Does: "128 bytes to rooms of ten among 10,000 clients, eight on their way"},
	{Name: "churn", Group: Fanout, Unit: "µs", Clients: 1000, run: churn(1000),
		Does: "rooms of ten; one of each ten joins, emits, leaves and emits all the time"},

	{Name: "polling", Group: Transport, Unit: "µs", Clients: 100, Polling: true, run: pollingEcho(100),
		Does: "100 clients, 64 bytes back and forth over HTTP long-polling: a POST and a GET each"},
	{Name: "connect", Group: Transport, Unit: "ms", Clients: 2200, run: connects(2000),
		Does: "2,000 connections over WebSocket, to the main namespace"},
	{Name: "upgrade", Group: Transport, Unit: "ms", Clients: 1100, Polling: true, run: upgrades(1000),
		Does: "1,000 connections over polling, upgraded to WebSocket, and one echo"},

	{Name: "idle-10k", Group: Memory, Unit: "KiB", Clients: 10100, run: idle(10000),
		Does: "growth of the resident size per client, after a garbage collection, 10,000 clients"},
	{Name: "idle-50k", Group: Memory, Unit: "KiB", Clients: 50100, Long: true, run: idle(50000),
		Does: "the same with 50,000"},

	{Name: "slow", Group: Stress, Unit: "MiB", Clients: 100, run: slow(100),
		Does: "growth of the resident size when one of 100 clients does not read, 400 broadcasts of 64 KiB"},
	{Name: "leave", Group: Stress, Unit: "KiB", Clients: 2100, run: leaves(2000),
		Does: "what is left per client after 2,000 have come, joined a room and gone"},

	scaleScenario("scale-1k", 1000),
	scaleScenario("scale-5k", 5000),
	scaleScenario("scale-10k", 10_000),
	scaleScenario("scale-19k", 19_500), // what a limit of 20,000 descriptors allows
	scaleScenario("scale-50k", 50_000),
}

func scaleScenario(name string, n int) *Scenario {
	return &Scenario{Name: name, Group: Scale, Unit: "µs", Clients: n, Long: true, run: scale(n, 8),
		Does: fmt.Sprintf("%d clients in rooms of ten, 128 bytes to a room, eight on their way", n)}
}

// A LimitError says that the machine does not allow a scenario.
type LimitError struct{ Need, Have uint64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("needs %d file descriptors, the limit is %d: ulimit -n %d", e.Need, e.Have, e.Need)
}

// affordable raises the limit of descriptors, which the server inherits, and
// returns a LimitError where that is not allowed.
func (s *Scenario) affordable(t Target) error {
	const spare = 200
	need := uint64(s.Clients + spare)
	if s.Polling || t.Tunnel {
		need = uint64(2*s.Clients + spare) // a GET waits while a POST is sent
	}
	if s.Polling && t.Tunnel {
		need = uint64(4*s.Clients + spare)
	}
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	if l.Cur >= need {
		return nil
	}
	raised := syscall.Rlimit{Cur: need, Max: max(need, l.Max)}
	if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) != nil {
		return &LimitError{Need: need, Have: l.Max}
	}
	return nil
}
