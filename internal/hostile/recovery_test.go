package hostile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
)

// Who claims a session that is not theirs gets a new one.
func TestForgedClaims(t *testing.T) {
	o := socketio.Options{Recovery: &socketio.Recovery{MaxAge: 10 * time.Second}}
	for name, auth := range map[string]string{
		"a made-up id":               `{"pid":"aaaaaaaaaaaaaaaaaaaa","offset":""}`,
		"an empty id":                `{"pid":"","offset":""}`,
		"a number":                   `{"pid":1,"offset":2}`,
		"null":                       `{"pid":null,"offset":null}`,
		"an object":                  `{"pid":{"toString":"x"},"offset":[]}`,
		"an array":                   `{"pid":["x"]}`,
		"__proto__":                  `{"pid":"__proto__","offset":"__proto__"}`,
		"a megabyte":                 `{"pid":"` + strings.Repeat("x", 900_000) + `"}`,
		"an id of a socket":          `{"pid":"$socket","offset":""}`,
		"an offset without an id":    `{"offset":"0"}`,
		"the id of another in part":  `{"pid":"$half","offset":""}`,
		"the id in other case, with": `{"PID":"aaaaaaaaaaaaaaaaaaaa","Offset":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			lay(t, o, func(s *siege) {
				for socket := range s.Sockets() {
					auth = strings.NewReplacer("$socket", socket.ID(), "$half", socket.ID()[:10]).Replace(auth)
				}
				recovered := false
				s.OnConnect(func(socket *socketio.Socket) { recovered = recovered || socket.Recovered() })
				c := s.open(rawclient.WebSocket, false)
				s.ok(c.Send("40" + auth))
				if p, err := c.Next(); !connected.MatchString(p) {
					s.T.Errorf("answered by %q, %v", p, err)
				}
				pause(answerTime)
				if recovered {
					s.T.Error("a session is handed out")
				}
				c.Drop()
			})
		})
	}
}
