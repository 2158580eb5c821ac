package engine

import (
	"maps"
	"path"
	"reflect"
	"runtime"
	"slices"
	"sync"
	"unsafe"
)

// DisablePoller gives every connection of a server a goroutine, as on systems
// without epoll.
func DisablePoller(srv *Server) { srv.poller = nil }

// HoldFlushers keeps a server's flushers from writing, as if all of them were
// busy, until release is called. It waits for what is being written.
func HoldFlushers(srv *Server) (release func()) {
	for i := range srv.flushers {
		f := &srv.flushers[i]
		until(&f.mu, func() bool { return !f.running })
		f.running = true
		f.mu.Unlock()
	}
	srv.mu.RLock()
	sessions := slices.Collect(maps.Values(srv.sessions))
	srv.mu.RUnlock()
	for _, s := range sessions {
		until(&s.mu, func() bool { return !s.out.draining })
		s.mu.Unlock()
	}
	return func() {
		for i := range srv.flushers {
			srv.flushers[i].run()
		}
	}
}

// until locks mu once done reports true under it.
func until(mu *sync.Mutex, done func() bool) {
	for mu.Lock(); !done(); mu.Lock() {
		mu.Unlock()
		runtime.Gosched()
	}
}

// HoldLocks locks what the sessions of a server share, and these other sessions
// of it, until release is called. It leaves the flushers out.
func HoldLocks(srv *Server, others ...*Session) (held int, release func()) {
	for {
		var h holder
		complete := h.holdAll(reflect.ValueOf(srv))
		for _, s := range others {
			complete = complete && h.hold(&s.mu)
		}
		if complete {
			return len(h.locks), h.release
		}
		h.release() // somebody at work holds one, and may want another
		runtime.Gosched()
	}
}

type lock interface {
	TryLock() bool
	Unlock()
}

// A holder holds locks.
type holder struct {
	locks []lock
	seen  []unsafe.Pointer
}

func (h *holder) hold(l lock) bool {
	held := l.TryLock()
	if held {
		h.locks = append(h.locks, l)
	}
	return held
}

func (h *holder) release() {
	for _, l := range h.locks {
		l.Unlock()
	}
}

// holdAll locks the locks of the struct that v points to, and then of what its
// fields point to, except of sessions.
func (h *holder) holdAll(v reflect.Value) bool {
	own := reflect.TypeFor[Server]().PkgPath()
	if v.IsNil() || path.Dir(v.Type().Elem().PkgPath()) != path.Dir(own) || slices.Contains(h.seen, v.UnsafePointer()) {
		return true
	}
	h.seen = append(h.seen, v.UnsafePointer())
	var further []reflect.Value
	for i := range v.Elem().NumField() {
		field := v.Elem().Field(i)
		at := reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr()))
		switch l, isLock := at.Interface().(lock); {
		case isLock && !h.hold(l):
			return false
		case isLock:
		case field.Kind() == reflect.Struct:
			further = append(further, at)
		case field.Kind() == reflect.Pointer && field.Type() != reflect.TypeFor[*Session]():
			further = append(further, at.Elem())
		}
	}
	return !slices.ContainsFunc(further, func(v reflect.Value) bool { return !h.holdAll(v) })
}
