//go:build linux

package load

import (
	"os"
	"testing"
	"time"
)

func TestPayloads(t *testing.T) {
	for _, p := range []pattern{letters, octets} {
		seen := map[string]bool{}
		for sender := range 40 {
			for seq := range 40 {
				b := string(p.append([]byte("x"), sender, seq, textSize))
				if len(b) != 1+textSize {
					t.Fatalf("got %d bytes, want %d", len(b), 1+textSize)
				}
				if seen[b] {
					t.Errorf("%d, %d: the payload is not its own", sender, seq)
				}
				seen[b] = true
			}
		}
	}
	if got := len(letters.append(nil, 1, 1, largeSize)); got != largeSize {
		t.Errorf("got %d bytes, want %d", got, largeSize)
	}
}

func TestLatencies(t *testing.T) {
	var l latencies
	for i := range 1000 {
		l.add(time.Duration(i+1) * time.Microsecond)
	}
	for q, want := range map[float64]time.Duration{0.5: 500 * time.Microsecond, 0.99: 990 * time.Microsecond, 1: time.Millisecond} {
		if got := l.quantile(q); got < want || got > want+want/fine {
			t.Errorf("quantile %v: got %v, want %v and no more than a %dth above", q, got, want, fine)
		}
	}
	for _, ns := range []uint64{0, 1, 15, 16, 17, 31, 32, 1000, 1<<40 + 12345} {
		if b := bucket(ns); limit(b) < ns || b > 0 && limit(b-1) >= ns {
			t.Errorf("%d ns is in bucket %d, of %d to %d", ns, b, limit(b-1)+1, limit(b))
		}
	}
	if got := new(latencies).quantile(0.5); got != 0 {
		t.Errorf("of none: got %v", got)
	}
}

func TestParseStat(t *testing.T) {
	got, err := parseStat([]byte("42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 1234 66 9 9 20 0 1 0 100\n"))
	if want := 13 * time.Second; got != want || err != nil {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := parseStat([]byte("42 (a) S 1")); err == nil {
		t.Error("no error for a short line")
	}
}

func TestProc(t *testing.T) {
	pid := os.Getpid()
	if size, err := residentSize(pid); size < 1<<20 || err != nil {
		t.Errorf("resident size: %d, %v", size, err)
	}
	before, err := descriptors(pid)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if after, err := descriptors(pid); after != before+1 || err != nil {
		t.Errorf("descriptors: %d, then %d, %v", before, after, err)
	}
	if _, err := cpuTime(1 << 30); err == nil {
		t.Error("no error for a process that is not there")
	}
}

func TestCutResponse(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\n"
	for _, wire := range []string{
		ok + "Content-Length: 5\r\n\r\nhello",
		ok + "Date: today\r\ncontent-length:5\r\n\r\nhello",
		ok + "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	} {
		for n := range wire {
			if _, _, used, err := cutResponse([]byte(wire[:n])); used != 0 || err != nil {
				t.Errorf("%q: used %d, %v", wire[:n], used, err)
			}
		}
		status, body, used, err := cutResponse([]byte(wire + "HTTP/1.1 "))
		if status != 200 || string(body) != "hello" || used != len(wire) || err != nil {
			t.Errorf("%q: got %d, %q, used %d, %v", wire, status, body, used, err)
		}
	}
	for _, wire := range []string{
		"SMTP\r\n\r\n", ok + "\r\n", ok + "Content-Length: x\r\n\r\n",
		ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n", ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nabcd",
	} {
		if _, _, _, err := cutResponse([]byte(wire)); err == nil {
			t.Errorf("%q: no error", wire)
		}
	}
}

func TestCutPackets(t *testing.T) {
	packet, rest, err := cutPacket4([]byte("2\x1e4hello\x1e3"))
	if string(packet) != "2" || string(rest) != "4hello\x1e3" || err != nil {
		t.Errorf("got %q, %q, %v", packet, rest, err)
	}
	packet, rest, err = cutPacket3([]byte("6:4hello1:2"))
	if string(packet) != "4hello" || string(rest) != "1:2" || err != nil {
		t.Errorf("got %q, %q, %v", packet, rest, err)
	}
	for _, payload := range []string{"7:4hello", "x:4", "-1:4", "4"} {
		if _, _, err := cutPacket3([]byte(payload)); err == nil {
			t.Errorf("%q: no error", payload)
		}
	}
}

func TestScenarios(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Scenarios {
		if seen[s.Name] || s.run == nil || s.Clients == 0 || s.Does == "" || s.Unit == "" {
			t.Errorf("scenario %+v", s)
		}
		seen[s.Name] = true
	}
}

func TestOffsets(t *testing.T) {
	f := &fleet{target: Target{Offsets: true}}
	for packet, want := range map[string]string{
		`2["echo","a,\"b","x.1"]`:                           `2["echo","a,\"b"]`,
		`51-["binary",{"_placeholder":true,"num":0},"x.1"]`: `51-["binary",{"_placeholder":true,"num":0}]`,
		`31["a","b"]`: `31["a","b"]`, // a reply
	} {
		if got, err := f.withoutOffset([]byte(packet)); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", packet, got, err, want)
		}
	}
	if got, err := f.withoutOffset([]byte(`2["echo",1]`)); err == nil {
		t.Errorf("got %s of an event without offset", got)
	}
}
