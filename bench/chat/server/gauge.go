//go:build linux

package main

import (
	"context"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/goroomcast/socketio/chat/store"
)

// A State is what the process has used.
type State struct {
	CPU     int64            // µs in user and kernel
	Heap    int64            // bytes
	Reads   map[string]int64 // calls of the store that read, since the last time
	Commits []int64          // when transactions ended, µs, since the last time
}

func measure(collect bool) (s State) {
	if collect {
		runtime.GC()
		runtime.GC() // what is in pools goes with the second
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		os.Exit(1)
	}
	s.CPU = time.Duration(u.Utime.Nano() + u.Stime.Nano()).Microseconds()
	s.Heap = int64(m.HeapAlloc)
	return s
}

// times keeps the end of each transaction.
type times struct {
	mu  sync.Mutex
	all []int64
}

func (t *times) add(at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, at.UnixMicro())
}

func (t *times) take() []int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.all
	t.all = nil
	return all
}

// A counted store counts its reads.
type counted struct {
	store.Store
	changes, behind, history, heads, look, memberships, members, reacted atomic.Int64
}

// A several is a counted store with several committers.
type several struct {
	*counted
	n int
}

func (s several) Committers() int { return s.n }

func (s *counted) counts() map[string]int64 {
	return map[string]int64{
		"Changes": s.changes.Swap(0), "Behind": s.behind.Swap(0), "History": s.history.Swap(0), "Heads": s.heads.Swap(0),
		"Look": s.look.Swap(0), "Memberships": s.memberships.Swap(0), "Members": s.members.Swap(0), "Reacted": s.reacted.Swap(0),
	}
}

func (s *counted) Changes(ctx context.Context, room string, after int64, l store.Limit) (*store.Changes, error) {
	s.changes.Add(1)
	return s.Store.Changes(ctx, room, after, l)
}

func (s *counted) Behind(ctx context.Context, room string, after int64, limit int) (int, error) {
	s.behind.Add(1)
	return s.Store.Behind(ctx, room, after, limit)
}

func (s *counted) History(ctx context.Context, room string, q store.Query) (*store.Page, error) {
	s.history.Add(1)
	return s.Store.History(ctx, room, q)
}

func (s *counted) Heads(ctx context.Context, rooms []string) ([]store.Head, error) {
	s.heads.Add(1)
	return s.Store.Heads(ctx, rooms)
}

func (s *counted) Look(ctx context.Context, user string, rooms []string) ([]store.Membership, error) {
	s.look.Add(1)
	return s.Store.Look(ctx, user, rooms)
}

func (s *counted) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	s.memberships.Add(1)
	return s.Store.Memberships(ctx, user, after, limit)
}

func (s *counted) Members(ctx context.Context, room, after string, limit int) ([]store.Member, error) {
	s.members.Add(1)
	return s.Store.Members(ctx, room, after, limit)
}

func (s *counted) Reacted(ctx context.Context, user, room string, seqs []int64) ([]store.ReactionKey, error) {
	s.reacted.Add(1)
	return s.Store.Reacted(ctx, user, room, seqs)
}
