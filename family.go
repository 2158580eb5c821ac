package socketio

import (
	"context"
	"regexp"
	"slices"
)

// A family is what makes a Namespace the parent of others: it decides by name
// which namespaces exist, and they come into being when clients ask for them.
type family struct {
	match    func(ctx context.Context, name string, h *Handshake) bool
	pattern  *regexp.Regexp // nil unless the name alone decides
	children []*Namespace   // guarded by Server.mu
}

// OfFunc returns the parent of all namespaces whose name, or the client that
// asks for them, satisfies match. They are created when the first client asks
// and removed when the last one leaves. Their sockets are served by the
// parent's middleware and handlers before their own.
//
// The parent is the broadcast to the sockets of those of its children that
// exist on this server. Emit, FetchSockets, SocketsJoin, SocketsLeave and
// DisconnectSockets reach the sockets that these children have on other
// servers, too, but not a child that exists only on another server: address
// that by its name. Call reaches the sockets of this server, and ServerSideEmit
// and ServerSideCall of a parent reach no server.
//
// Match may block; its context ends when the client leaves. Where several
// parents match, the one made first has the child. A namespace made by Of
// comes before any.
func (s *Server) OfFunc(match func(ctx context.Context, name string, h *Handshake) bool) *Namespace {
	return s.newFamily(&family{match: match})
}

// OfPattern is OfFunc for all namespaces whose name, with its slash, matches a
// regular expression. Of makes such a namespace a child, too.
func (s *Server) OfPattern(pattern *regexp.Regexp) *Namespace {
	return s.newFamily(&family{
		match:   func(_ context.Context, name string, _ *Handshake) bool { return pattern.MatchString(name) },
		pattern: pattern,
	})
}

func (s *Server) newFamily(f *family) *Namespace {
	parent := newNamespace(s, "", nil)
	parent.family = f
	s.mu.Lock()
	defer s.mu.Unlock()
	s.families = append(s.families, parent)
	return parent
}

// member returns an existing namespace with one more user, or nil.
func (s *Server) member(name string) *Namespace {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.namespaces[name]
	if n != nil {
		s.count(n, 1, 0)
	}
	return n
}

// leave takes a user from a namespace.
func (s *Server) leave(n *Namespace) { s.use(n, -1, 0) }

// maxDeserted is how many namespaces kept sessions alone may keep alive, about
// 2.5 kB each. The sessions of one that would be more are forgotten.
const maxDeserted = 10_000

// use changes the numbers of users and sessions of a namespace. A child without
// any is removed, unless it has been asked for by Of.
func (s *Server) use(n *Namespace, users, sessions int) {
	s.mu.Lock()
	deserted := s.count(n, users, sessions)
	tooMany := deserted && s.deserted > maxDeserted && !n.kept
	empty := n.users+n.sessions == 0 && !n.kept
	if empty {
		delete(s.namespaces, n.name)
		f := n.lineage[0].family
		f.children = slices.DeleteFunc(slices.Clone(f.children), func(c *Namespace) bool { return c == n })
	}
	s.mu.Unlock()
	switch {
	case empty:
		n.close()
		if f := s.trace.NamespaceRemoved; f != nil {
			f(n)
		}
	case tooMany:
		s.logger.Warn("sessions forgotten: too many namespaces without clients", "limit", maxDeserted)
		n.recovery.forget()
	}
}

// count is use without its consequences, with s.mu locked. It reports whether
// the last user has left kept sessions behind.
func (s *Server) count(n *Namespace, users, sessions int) (deserted bool) {
	is := func() bool { return n.users == 0 && n.sessions > 0 }
	was := is()
	n.users += users
	n.sessions += sessions
	switch {
	case is() && !was:
		s.deserted++
		return true
	case was && !is():
		s.deserted--
	}
	return false
}

// mayHave reports whether there is a namespace of this name, or may be once a
// parent has been asked.
func (s *Server) mayHave(name string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.namespaces[name] != nil || len(s.families) > 0
}

// find returns the namespace for a socket, with one more user, or nil. It makes
// the namespace if a parent accepts the name.
func (s *Server) find(of *Socket) *Namespace {
	if n := s.member(of.name); n != nil {
		return n
	}
	if parent := s.findFamily(of.Context(), of.name, of.handshake); parent != nil {
		return s.child(parent, of.name)
	}
	return nil
}

// findFamily returns the first parent that takes a namespace of this name, or nil.
func (s *Server) findFamily(ctx context.Context, name string, h *Handshake) *Namespace {
	s.mu.RLock()
	families := s.families
	s.mu.RUnlock()
	for _, parent := range families {
		var is bool
		err := s.guard.call("OfFunc", name, "", func() error {
			is = parent.family.match(ctx, name, h)
			return ctx.Err()
		})
		if err != nil {
			return nil
		}
		if is {
			return parent
		}
	}
	return nil
}

// child returns the namespace of a name, made if need be, with one more user.
func (s *Server) child(parent *Namespace, name string) *Namespace {
	s.mu.Lock()
	n := s.namespaces[name]
	created := n == nil
	if created {
		n = s.addChild(parent, name)
	}
	s.count(n, 1, 0)
	s.mu.Unlock()
	if created {
		n.cluster.Join()
		n.created()
	}
	return n
}

// addChild makes a namespace. s.mu is locked.
func (s *Server) addChild(parent *Namespace, name string) *Namespace {
	n := newNamespace(s, name, parent)
	s.namespaces[name] = n
	parent.family.children = append(slices.Clip(parent.family.children), n)
	return n
}

// audience returns the namespaces that have the sockets of this one: itself,
// or its children.
func (n *Namespace) audience() []*Namespace {
	if n.family == nil {
		return n.lineage[len(n.lineage)-1:]
	}
	n.server.mu.RLock()
	defer n.server.mu.RUnlock()
	return n.family.children
}
