package engine_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/internal/engine"
)

var update = flag.Bool("update", false, "rewrite the server's lines of the transcripts")

// TestTranscripts plays the conversations of testdata/transcripts. After a
// prose head, each line is one of
//
//	C: GET <query>         a request to /engine.io/ in the background
//	C: POST <query> <body>
//	C: OPEN <query>        a WebSocket
//	C: text <payload>      a frame on it; also binary, ping, close <code>
//	C: drop                its end without a close frame
//	H: send <text>         the program behind the server; also close
//	+25s                   time passes
//	S: …                   what comes of it: a frame; an answer's status and
//	                       body after the number of its request; or the
//	                       reason for which the session ended
//
// Answers stand before frames, because what is simultaneous has no order.
// $sid stands for the session's id, ␞ for the separator of a payload. In the
// files eio3_* the server has AllowEIO3.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []byte
			o := &engine.Options{AllowEIO3: strings.HasPrefix(filepath.Base(file), "eio3_")}
			run(t, o, func(h *harness) {
				got = (&transcript{h: h, events: make(chan event, 100)}).play(string(want))
			})
			if bytes.Equal(got, want) {
				return
			}
			if !*update {
				t.Fatalf("got\n%s\nwant\n%s", got, want)
			}
			if err := os.WriteFile(file, got, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

type transcript struct {
	h       *harness
	events  chan event
	session *recorder
	ws      *wire
	number  int // of requests
}

type event struct {
	rank int // among simultaneous ones: a request's number, or one of the below
	line string
}

const frameRank, endRank = 1000, 2000

// play does what the client's lines say and returns the transcript with what
// really comes of it.
func (p *transcript) play(script string) []byte {
	var out bytes.Buffer
	head, lines, _ := strings.Cut(script, "\n\n")
	out.WriteString(head + "\n\n")
	for line := range strings.Lines(lines) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "S: ") {
			continue
		}
		out.WriteString(line + "\n")
		p.do(line)
		synctest.Wait()
		var events []event
		for len(p.events) > 0 {
			events = append(events, <-p.events)
		}
		slices.SortStableFunc(events, func(a, b event) int { return a.rank - b.rank })
		for _, e := range events {
			out.WriteString("S: " + p.mask(e.line) + "\n")
		}
	}
	return out.Bytes()
}

func (p *transcript) mask(line string) string {
	line = strings.ReplaceAll(line, "\x1e", "␞")
	if p.session != nil {
		line = strings.ReplaceAll(line, p.session.ID(), "$sid")
	}
	return line
}

func (p *transcript) do(line string) {
	if p.session != nil {
		line = strings.ReplaceAll(line, "$sid", p.session.ID())
	}
	line = strings.ReplaceAll(line, "␞", "\x1e")
	verb, rest, _ := strings.Cut(strings.TrimPrefix(line, "C: "), " ")
	switch verb {
	case "": // an empty line
	case "GET", "PUT":
		p.number++
		go p.request(p.number, verb, rest, "")
	case "POST":
		query, body, _ := strings.Cut(rest, " ")
		p.number++
		go p.request(p.number, "POST", query, body)
	case "OPEN":
		p.open(rest)
	case "text":
		p.ws.write(text(rest), 0)
	case "binary":
		p.ws.write(binaryFrame(rest), 0)
	case "ping":
		p.ws.write(ping(rest), 0)
	case "close":
		var code int
		fmt.Sscan(rest, &code)
		p.ws.write(closing(code, ""), 0)
	case "drop":
		p.ws.conn.Close()
	case "H:":
		if s, ok := strings.CutPrefix(rest, "send "); ok {
			p.session.Send(engine.NewMessage([]byte(s)))
		} else {
			p.session.Close()
		}
	default:
		d, err := time.ParseDuration(strings.TrimPrefix(verb, "+"))
		if err != nil {
			p.h.t.Fatalf("cannot read %q", line)
		}
		after(d)
	}
	p.adopt()
}

// adopt takes the session that a handshake has opened.
func (p *transcript) adopt() {
	synctest.Wait()
	if len(p.h.sessions) == 0 {
		return
	}
	r := <-p.h.sessions
	p.session = r
	go func() { p.events <- event{endRank, "ended: " + string(<-r.closed)} }()
}

func (p *transcript) request(number int, method, query, body string) {
	a, err := p.h.try(method, query, strings.NewReader(body), "Referer", "http://server.test/page")
	if err != nil {
		p.events <- event{number, err.Error()}
		return
	}
	p.events <- event{number, fmt.Sprintf("(%d) %d %s", number, a.status, a.body)}
}

func (p *transcript) open(query string) {
	ws := p.h.wire(query)
	p.events <- event{frameRank, ws.resp.Status}
	if ws.resp.StatusCode != http.StatusSwitchingProtocols {
		return
	}
	p.ws = ws
	go func() {
		for frame := ""; frame != "end"; {
			frame = ws.nextWithin(time.Hour)
			p.events <- event{frameRank, frame}
		}
	}()
}
