package redis

import "sync"

// presence knows which rooms have a socket on this server. Two rooms may have
// the same name: the id of a socket is its private room, and other sockets can
// join a public room of that name.
type presence struct {
	mu    sync.RWMutex
	rooms map[string]kinds
}

type kinds struct{ private, public bool }

// note notes a change, and reports whether there is a room of that name now, and
// whether there was before.
func (p *presence) note(name string, private, exists bool) (is, was bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k, was := p.rooms[name]
	if private {
		k.private = exists
	} else {
		k.public = exists
	}
	if is = k.private || k.public; !is {
		delete(p.rooms, name)
		return is, was
	}
	if p.rooms == nil {
		p.rooms = make(map[string]kinds)
	}
	p.rooms[name] = k
	return is, was
}

func (p *presence) has(name string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, has := p.rooms[name]
	return has
}
