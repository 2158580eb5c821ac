package main

import (
	"errors"
	"log/slog"
	"os"
	"strings"

	"github.com/goroomcast/socketio/adapter/nats/embedded"
)

// joinOthers starts this server's part of the bus that joins several chat
// servers. It listens for the others at an address and knows addresses of
// theirs. All servers share a secret. It comes from the environment, because
// other users of the machine can read command lines.
func joinOthers(listen, peers string) (*embedded.Adapter, error) {
	secret := os.Getenv("CHAT_SECRET")
	if secret == "" {
		return nil, errors.New("set CHAT_SECRET to what all servers of the cluster share")
	}
	return embedded.New(&embedded.Options{
		Listen: listen,
		Routes: strings.FieldsFunc(peers, func(r rune) bool { return r == ',' }),
		Secret: secret,
		Logger: slog.Default(),
	})
}
