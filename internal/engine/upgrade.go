package engine

import "slices"

// OnUpgrade adds a function to be called once the transport has changed from
// polling to WebSocket; it is called at once if that has happened already. It
// must be quick, because the client is not read meanwhile.
func (s *Session) OnUpgrade(f func()) (off func()) {
	s.mu.Lock()
	moved := s.moved
	if s.ws == nil {
		s.onUpgrade = append(s.onUpgrade, &f)
	}
	s.mu.Unlock()
	if moved {
		s.runUpgradeHook(f)
	}
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.onUpgrade = slices.DeleteFunc(s.onUpgrade, func(other *func()) bool { return other == &f })
	}
}

// takeUpgradeHooks notes the upgrade and returns the functions to call. s.mu
// is locked.
func (s *Session) takeUpgradeHooks() []*func() {
	hooks := s.onUpgrade
	s.moved, s.onUpgrade = true, nil
	return hooks
}

func (s *Session) runUpgradeHook(f func()) {
	defer s.server.recovered("Conn.OnUpgrade", nil)
	f()
}

// upgrade makes ws the transport and reports whether it may be.
func (s *Session) upgrade(ws *wsConn) bool {
	s.mu.Lock()
	if s.probe != ws || !s.probed || s.lifecycle() == stateClosed {
		s.mu.Unlock()
		return false
	}
	if s.lifecycle() == stateClosing {
		s.out.push(&Message{frame: appendCloseFrame(nil, closeNormal)})
	}
	s.ws, s.probe, s.probed = ws, nil, false
	hooks := s.takeUpgradeHooks()
	if s.poll != nil {
		s.poll.wake() // a poll that should not be there is refused
	}
	next := s.wake(false)
	s.mu.Unlock()
	s.do(next)
	s.takeInlet(ws)
	for _, f := range hooks {
		s.runUpgradeHook(*f)
	}
	if f := s.server.trace.Upgraded; f != nil {
		f(s, nil)
	}
	return true
}

// takeInlet locks inlet for good. A POST still being delivered goes first.
func (s *Session) takeInlet(ws *wsConn) {
	if s.inlet.TryLock() {
		return
	}
	ws.standBy(true)
	s.inlet.Lock()
	ws.standBy(false)
}

// answerProbe lets polls end soon, so that the client can stop polling.
func (s *Session) answerProbe(ws *wsConn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe != ws || s.lifecycle() != stateOpen {
		return false
	}
	s.probed = true
	if s.poll != nil {
		s.server.probed.add(s)
	}
	return true
}
