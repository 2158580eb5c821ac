package engine

import (
	"errors"
	"net/http"
	"strings"
)

var (
	errIDForm  = errors.New("socketio: Options.GenerateID: an id is letters, digits and -._~, one at least")
	errIDTaken = errors.New("socketio: Options.GenerateID: another session has this id")
)

// claimID returns the id of a new session. One that the program has generated
// is kept from other handshakes until release.
func (srv *Server) claimID(r *http.Request) (string, error) {
	if srv.opts.GenerateID == nil {
		return NewID(), nil
	}
	var id string
	err := srv.ask("Options.GenerateID", func() (err error) {
		if id, err = srv.opts.GenerateID(r); err != nil {
			_ = err.Error() // if that panics, here
		}
		return err
	})
	switch {
	case err != nil:
		return "", err
	case id == "" || strings.ContainsFunc(id, reservedInURLs):
		return "", errIDForm
	}
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.sessions[id] != nil || srv.claimed[id] {
		return "", errIDTaken
	}
	if srv.claimed == nil {
		srv.claimed = make(map[string]bool)
	}
	srv.claimed[id] = true
	return id, nil
}

// releaseID follows claimID, when the session is known or has failed.
func (srv *Server) releaseID(id string) {
	if srv.opts.GenerateID != nil {
		srv.mu.Lock()
		delete(srv.claimed, id)
		srv.mu.Unlock()
	}
}

// reservedInURLs reports whether a character is not among the unreserved ones of
// RFC 3986.
func reservedInURLs(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("-._~", r)
}
