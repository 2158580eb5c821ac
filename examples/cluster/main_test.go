package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/goroomcast/socketio/internal/rawclient"
)

// patience is how long anything may take that must happen, on a machine with much
// to do.
const patience = 3 * time.Minute

// TestTheChatOutlivesAServer kills one of three servers.
func TestTheChatOutlivesAServer(t *testing.T) {
	chat := filepath.Join(t.TempDir(), "chat")
	build := exec.Command("go", "build", "-o", chat, ".")
	build.Dir = "../chat"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	lines := new(logged)
	log.SetOutput(lines)
	defer log.SetOutput(os.Stderr)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, chat, chat+".db", listener) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	addr := listener.Addr().String()
	ada, bob, eve := enter(t, addr, "Ada"), enter(t, addr, "Bob"), enter(t, addr, "Eve")
	for _, p := range []*page{ada, bob, eve} {
		online := 0
		for end := time.Now().Add(patience); online < 3 && time.Now().Before(end); <-time.After(time.Second) { // as often as a user may ask
			online = strings.Count(p.ask("watch", `{"users":["Ada","Bob","Eve"]}`), `"state":"online"`)
		}
		if online < 3 {
			t.Errorf("server %s knows of %d people", p.server, online)
		}
	}
	if ada.server == bob.server || bob.server == eve.server || eve.server == ada.server {
		t.Fatalf("three pages on servers %s, %s and %s", ada.server, bob.server, eve.server)
	}
	ada.say("1", "hello")
	bob.until(`"text":"hello"`)
	eve.until(`"text":"hello"`)

	number, _ := strconv.Atoi(bob.server)
	pid, _ := strconv.Atoi(lines.wait(t, fmt.Sprintf(`server %d is process (\d+)`, number+1)))
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	bob = enter(t, addr, "Bob")
	ada.say("2", "still there?")
	bob.until(`"text":"still there?"`)
	lines.wait(t, fmt.Sprintf(`(?s)server %d has ended.*server %d is process (\d+)`, number+1, number+1))

	// Who comes to the server that started again finds what was said before.
	for {
		p := enter(t, addr, "Dan")
		if p.server == strconv.Itoa(number) {
			if got := p.ask("history", `{"room":"lobby"}`); !strings.Contains(got, "hello") || !strings.Contains(got, "still there?") {
				t.Errorf("the history is %s", got)
			}
			return
		}
		p.Drop()
	}
}

// A page is a client of the chat.
type page struct {
	*testing.T
	*rawclient.Client
	server string // the value of the front's cookie
	asked  int
}

// enter connects a new page, as soon as there is a server that takes it.
func enter(t *testing.T, addr, name string) *page {
	t.Helper()
	dial := func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }
	for end := time.Now().Add(patience); time.Now().Before(end); {
		response, err := http.Get("http://" + addr + "/socket.io/?EIO=4&transport=polling")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		cookies := response.Cookies()
		if response.StatusCode != http.StatusOK || len(cookies) != 1 {
			<-time.After(50 * time.Millisecond)
			continue
		}
		raw, err := rawclient.Open(context.Background(), dial, rawclient.WebSocket, rawclient.Options{
			Path: "/socket.io/", Pong: true,
			Header: http.Header{"Cookie": {cookies[0].String()}},
		})
		if err != nil {
			<-time.After(50 * time.Millisecond)
			continue
		}
		t.Cleanup(raw.Drop)
		p := &page{t, raw, cookies[0].Value, 0}
		p.send(`40/chat,{"name":"` + name + `","key":"the-key-of-` + name + `-12345"}`)
		p.until(`42/chat,["ready"`)
		p.ask("open", `{"room":"lobby"}`)
		return p
	}
	t.Fatal("no server takes a page")
	return nil
}

func (p *page) send(packet string) {
	p.Helper()
	if err := p.Send(packet); err != nil {
		p.Fatal(err)
	}
}

// ask sends a command and returns the reply.
func (p *page) ask(command, arg string) string {
	p.Helper()
	p.asked++
	p.send(fmt.Sprintf(`42/chat,%d[%q,%s]`, p.asked, command, arg))
	return p.until(fmt.Sprintf(`43/chat,%d[`, p.asked))
}

func (p *page) say(cid, text string) {
	p.Helper()
	p.ask("post", fmt.Sprintf(`{"room":"lobby","cid":%q,"text":%q}`, cid, text))
}

// until returns the next packet that contains a text.
func (p *page) until(text string) string {
	p.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); {
		packet, err := p.Next()
		if err != nil {
			p.Fatalf("no %s: %v", text, err)
		}
		if strings.Contains(packet, text) {
			return packet
		}
	}
	p.Fatalf("no %s in time", text)
	return ""
}

// logged keeps what is logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

// wait returns the group of a pattern, as soon as the log matches it.
func (l *logged) wait(t *testing.T, pattern string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(20 * time.Millisecond) {
		l.mu.Lock()
		found := regexp.MustCompile(pattern).FindSubmatch(l.text.Bytes())
		l.mu.Unlock()
		if found != nil {
			return string(found[1])
		}
	}
	t.Fatalf("the log does not match %s", pattern)
	return ""
}

// TestFront has servers that say their number, the second of which is down.
func TestFront(t *testing.T) {
	var servers []*url.URL
	for i := range 3 {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, i, " ", r.Host) }))
		defer s.Close()
		u, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		if i == 1 {
			u.Host = "127.0.0.1:1" // where nobody listens
		}
		servers = append(servers, u)
	}
	f := newFront(servers)
	f.downTime = time.Hour
	ask := func(cookie string) (body, sets string) {
		r := httptest.NewRequest("GET", "http://front.example/", nil)
		if cookie != "" {
			r.Header.Set("Cookie", cookie)
		}
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			sets = c.Name + "=" + c.Value
		}
		return w.Body.String(), sets
	}
	if body, _ := ask(""); body != "" {
		t.Errorf("a server that is down has answered %q", body)
	}
	for _, i := range []string{"0", "2"} { // a client that leaves does not make its server one that is down
		ctx, leave := context.WithCancel(t.Context())
		leave()
		r := httptest.NewRequestWithContext(ctx, "GET", "http://front.example/", nil)
		r.Header.Set("Cookie", "chat-server="+i)
		f.ServeHTTP(httptest.NewRecorder(), r)
	}
	seen := map[string]int{}
	for range 10 {
		body, cookie := ask("")
		seen[body]++
		if again, sets := ask(cookie); again != body || sets != "" {
			t.Errorf("after %q with the cookie %q %q, and the cookie %q", body, cookie, again, sets)
		}
	}
	if seen["0 front.example"] < 3 || seen["2 front.example"] < 3 || len(seen) != 2 {
		t.Errorf("answers %v", seen)
	}
	for _, cookie := range []string{"chat-server=1", "chat-server=3", "chat-server=-1", "chat-server=x"} {
		if body, sets := ask(cookie); body == "" || sets == "" {
			t.Errorf("with the cookie %s %q, and the cookie %q", cookie, body, sets)
		}
	}
}
