package postgres

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/adapter"
)

func TestAdapter(t *testing.T) {
	pg := startPostgres(t)
	for name, test := range map[string]func(t *testing.T, url string){
		"messages arrive in order, whatever they need":      testOrder,
		"equal messages of a batch arrive as often as sent": testEqual,
		"an own message is not delivered":                   testOwn,
	} {
		t.Run(name, func(t *testing.T) { test(t, pg.URL) })
	}
}

// Rows have to be fetched, and long and short messages differ in their way.
func testOrder(t *testing.T, url string) {
	o := isolated()
	sender, receiver := join(t, url, o), join(t, url, o)
	subscribe(t, sender, "/", "a")
	s, _ := subscribe(t, receiver, "/", "b")
	long := strings.Repeat("x", 9000)
	const rounds = 300
	var batch []*adapter.Message
	for i := range rounds {
		batch = append(batch,
			event("/", "a", fmt.Sprintf(`["short",%d]`, i)),
			event("/", "a", fmt.Sprintf(`["long",%d,"%s"]`, i, long)),
			event("/", "a", fmt.Sprintf(`["bin",%d,{"_placeholder":true,"num":0}]`, i), []byte{byte(i)}),
		)
		if i%7 == 0 {
			publish(t, sender, batch...)
			batch = nil
		}
	}
	publish(t, sender, batch...)
	for i := range rounds {
		for _, want := range []string{fmt.Sprintf(`["short",%d]`, i), fmt.Sprintf(`["long",%d,"%s"]`, i, long)} {
			if got := s.next(t); got != want {
				t.Fatalf("got %.40s, want %.40s", got, want)
			}
		}
		m := s.nextMessage(t)
		if got, want := string(m.Packet.Text), fmt.Sprintf(`["bin",%d,{"_placeholder":true,"num":0}]`, i); got != want || len(m.Packet.Attachments) != 1 || m.Packet.Attachments[0][0] != byte(i) {
			t.Fatalf("got %.60s %v, want %s", got, m.Packet.Attachments, want)
		}
	}
}

func testEqual(t *testing.T, url string) {
	o := isolated()
	sender, receiver := join(t, url, o), join(t, url, o)
	subscribe(t, sender, "/", "a")
	s, _ := subscribe(t, receiver, "/", "b")
	var batch []*adapter.Message
	for _, i := range []int{1, 1, 2, 1, 2, 3, 3, 3} {
		batch = append(batch, event("/", "a", fmt.Sprintf(`["e",%d]`, i)))
	}
	publish(t, sender, batch...)
	for _, m := range batch {
		if got := s.next(t); got != string(m.Packet.Text) {
			t.Fatalf("got %s, want %s", got, m.Packet.Text)
		}
	}
}

func testOwn(t *testing.T, url string) {
	o := isolated()
	a, b := join(t, url, o), join(t, url, o)
	own, _ := subscribe(t, a, "/", "a")
	other, _ := subscribe(t, b, "/", "b")
	publish(t, a, event("/", "a", `["mine"]`))
	if got := other.next(t); got != `["mine"]` {
		t.Fatal(got)
	}
	publish(t, b, event("/", "b", `["theirs"]`))
	if got := own.next(t); got != `["theirs"]` {
		t.Fatal(got)
	}
}
