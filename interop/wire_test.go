package interop

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
)

// wireServers are the servers that wire/*.test.mjs talks to, each with options of its own: here, and for Node.
var wireServers = map[string]struct {
	here socketio.Options
	node string
}{
	"plain": {
		socketio.Options{PingInterval: time.Minute},
		`{"pingInterval": 60000, "pingTimeout": 20000, "allowEIO3": false}`,
	},
	"legacy": {
		socketio.Options{PingInterval: time.Minute, AllowEIO3: true},
		`{"pingInterval": 60000, "pingTimeout": 20000}`,
	},
	"open": {
		socketio.Options{
			PingInterval: time.Minute,
			CORS: socketio.CORS{
				Origins:        []string{"https://ally.example", "https://friend.example"},
				Headers:        []string{"X-Token"},
				ExposedHeaders: []string{"X-Trace"},
				Credentials:    true,
				MaxAge:         10 * time.Minute,
			},
			Cookie: &http.Cookie{Name: "io", Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode},
		},
		`{"pingInterval": 60000, "pingTimeout": 20000, "allowEIO3": false, "cookie": {"name": "io"}, "cors": {
			"origin": ["https://ally.example", "https://friend.example"], "methods": ["GET", "POST"],
			"allowedHeaders": ["Content-Type", "X-Token"], "exposedHeaders": ["X-Trace"], "credentials": true, "maxAge": 600}}`,
	},
	"hasty": {
		socketio.Options{
			PingInterval:   300 * time.Millisecond,
			PingTimeout:    10 * time.Second, // in which a slow machine answers all that is to be answered
			ConnectTimeout: 10 * time.Second,
			UpgradeTimeout: 2 * time.Second, // well before the session itself ends
			AllowEIO3:      true,
		},
		`{"pingInterval": 300, "pingTimeout": 10000, "connectTimeout": 10000, "upgradeTimeout": 2000}`,
	},
	"polling": {
		socketio.Options{PingInterval: time.Minute, Limits: socketio.Limits{Payload: 1000}, Transports: []string{"polling"}},
		`{"pingInterval": 60000, "pingTimeout": 20000, "allowEIO3": false, "maxHttpBufferSize": 1000, "transports": ["polling"]}`,
	},
	"websocket": {
		socketio.Options{PingInterval: time.Minute, Limits: socketio.Limits{Payload: 1000}, Transports: []string{"websocket"}},
		`{"pingInterval": 60000, "pingTimeout": 20000, "allowEIO3": false, "maxHttpBufferSize": 1000, "transports": ["websocket"]}`,
	},
}

// TestWire has each script of wire/ talk to Roomcast and to npm's server, and wants the same bytes of both.
func TestWire(t *testing.T) {
	requireNode(t)
	logger := slog.New(slog.NewTextHandler(t.Output(), nil))
	here, node := map[string]string{}, map[string]string{}
	for name, server := range wireServers {
		o := server.here
		o.Logger = logger.With("server", name)
		io := socketio.NewServer(&o)
		application(io)
		listener := httptest.NewServer(io)
		t.Cleanup(listener.Close)
		t.Cleanup(func() { _ = io.Close() })
		here[name] = listener.URL
		node[name] = startReference(t, "OPTIONS="+server.node)
	}
	files, err := filepath.Glob("wire/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".test.mjs"), func(t *testing.T) {
			runNode(t, file, "ROOMCAST="+toJSON(t, here), "NODE="+toJSON(t, node))
		})
	}
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
