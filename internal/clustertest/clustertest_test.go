package clustertest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestRedis(t *testing.T) {
	t.Parallel()
	r := StartRedis(t)
	if got := r.Do("SET", "a", "1"); got != "OK" {
		t.Errorf("SET returned %q", got)
	}
	t.Run("restarted it is empty", func(t *testing.T) {
		r.Kill()
		if _, err := r.ask("PING"); err == nil {
			t.Error("a killed Redis answers")
		}
		r.Start()
		if got := r.Do("EXISTS", "a"); got != "0" {
			t.Errorf("EXISTS returned %q", got)
		}
	})
	t.Run("paused it does not answer, resumed it does", func(t *testing.T) {
		r.Pause()
		answered := make(chan error, 1)
		go func() {
			_, err := r.ask("PING")
			answered <- err
		}()
		select {
		case err := <-answered:
			t.Errorf("a paused Redis has answered, %v", err)
		case <-time.After(100 * time.Millisecond):
		}
		r.Resume()
		if err := <-answered; err != nil {
			t.Error(err)
		}
	})
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	p := StartPostgres(t)
	p.Do("CREATE TABLE t (a int, b text)")
	p.Do("INSERT INTO t VALUES (1, 'x')")
	p.Kill()
	p.Start()
	if got := p.Do("SELECT * FROM t"); got != "1|x\n" {
		t.Errorf("SELECT returned %q", got)
	}
}

// Two of npm's servers on each of npm's adapters are one cluster.
func TestNodes(t *testing.T) {
	t.Parallel()
	r := StartRedis(t)
	for _, o := range []NodeOptions{
		{Adapter: "redis"},
		{Adapter: "redis", Driver: "ioredis", Msgpack: true},
		{Adapter: "redis-sharded", Options: map[string]any{"subscriptionMode": "dynamic-private"}},
		{Adapter: "redis-streams", Server: map[string]any{"connectionStateRecovery": map[string]any{}}},
		{Adapter: "postgres"},
	} {
		t.Run(strings.Trim(fmt.Sprint(o.Adapter, " ", o.Driver), " "), func(t *testing.T) {
			o.URL = r.URL
			if o.Adapter == "postgres" {
				p := StartPostgres(t)
				p.Do("CREATE TABLE socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)")
				o.URL = p.URL
			}
			a, b := StartNode(t, o), StartNode(t, o)
			b.Eval(`await connect("c"); await socketOf("c").join("r1"); listen("question")`)
			a.Eval(`while (await io.of("/").adapter.serverCount() < 2) await sleep(10)`)
			a.Eval(`while ((await io.timeout(60_000).fetchSockets().catch(() => [])).length < 1) await sleep(10)`) // b may hear later than it is heard
			a.Eval(`io.to("r1").emit("e", 1, Buffer.from([1, 2]))`)
			got := string(b.Eval(`return (await clients.c.log.take(1))[0].slice(0, 3)`))
			if want := `["e",1,{"$bin":"0102"}]`; got != want {
				t.Errorf("the client has received %s, want %s", got, want)
			}
			if got := string(a.Eval(`return await io.timeout(60_000).emitWithAck("ask")`)); got != `["c answers"]` {
				t.Errorf("acknowledgements %s", got)
			}
			if got := string(a.Eval(`return await io.serverSideEmitWithAck("question", 7)`)); got != `[7]` {
				t.Errorf("replies %s", got)
			}
			if o.Adapter == "redis" { // messages of the Postgres emitter lack a key that its adapter needs
				a.Eval(`emitter().socketsJoin("r2")`)
				b.Eval(`while (!rooms("c").includes("r2")) await sleep(10)`)
			}
		})
	}
	t.Run("what fails says so", func(t *testing.T) {
		n := StartNode(t, NodeOptions{})
		if _, err := n.TryEval(`throw new Error("on purpose")`); err == nil || !strings.Contains(err.Error(), "on purpose") {
			t.Errorf("error %v", err)
		}
		n.Kill()
		if _, err := n.TryEval(`return 1`); err == nil {
			t.Error("a killed server has answered")
		}
	})
}

func TestProxy(t *testing.T) {
	t.Parallel()
	r := StartRedis(t)
	p := StartProxy(t, r.Addr)
	through := &Redis{Process: r.Process, Addr: p.Addr}
	if got := through.Do("PING"); got != "PONG" {
		t.Errorf("PING returned %q", got)
	}
	p.Refuse()
	if _, err := through.ask("PING"); err == nil {
		t.Error("a proxy that refuses has passed a command on")
	}
	p.Resume()
	p.Stall()
	answered := make(chan string, 1)
	go func() { answered <- through.Do("PING") }()
	select {
	case <-answered:
		t.Error("a stalled proxy has passed a command on")
	case <-time.After(100 * time.Millisecond):
	}
	p.Resume()
	if got := <-answered; got != "PONG" {
		t.Errorf("PING returned %q", got)
	}
}
