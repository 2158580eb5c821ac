package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/goroomcast/socketio/adapter"
	"github.com/goroomcast/socketio/internal/clustertest"
)

// Each test has a prefix of its own on one PostgreSQL.
func TestAdapter(t *testing.T) {
	pg := startPostgres(t)
	for name, test := range map[string]func(t *testing.T, pg *clustertest.Postgres){
		"messages arrive in order, whatever they need": testOrder,
		"equal messages arrive as often as sent":       testEqual,
		"an own message is not delivered":              testOwn,
		"each length around the threshold":             testLengths,
		"namespaces with any name":                     testNames,
		"a namespace that is no channel":               testNoChannel,
		"a subscription ends and begins again":         testResubscribe,
		"no connection is left":                        testClose,
		"what is no message":                           testGarbage,
		"old rows are deleted":                         testCleanUp,
		"a message that cannot be sent":                testRefused,
		"without the table":                            testNoTable,
		"without the right to use the table":           testNoRight,
		"a table in a schema":                          testSchema,
		"the settings of the pool":                     testPool,
		"a context that has ended":                     testContext,
		"an emitter in a transaction":                  testTransaction,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, pg)
		})
	}
}

// pair returns an adapter that sends as "a" in /, and a subscriber of another.
func pair(t *testing.T, pg *clustertest.Postgres, o Options) (sender *Adapter, receiver *subscriber) {
	t.Helper()
	sender = join(t, pg.URL, o)
	subscribe(t, sender, "/", "a")
	receiver, _ = subscribe(t, join(t, pg.URL, o), "/", "b")
	return sender, receiver
}

// Rows have to be read, so long and short messages differ in their way.
func testOrder(t *testing.T, pg *clustertest.Postgres) {
	sender, receiver := pair(t, pg, isolated())
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
			if got := receiver.next(t); got != want {
				t.Fatalf("got %.40s, want %.40s", got, want)
			}
		}
		m := receiver.nextMessage(t)
		want := fmt.Sprintf(`["bin",%d,{"_placeholder":true,"num":0}]`, i)
		if got := string(m.Packet.Text); got != want || len(m.Packet.Attachments) != 1 || m.Packet.Attachments[0][0] != byte(i) {
			t.Fatalf("got %.60s %v, want %s", got, m.Packet.Attachments, want)
		}
	}
}

// PostgreSQL sends equal notifications of one transaction once.
func testEqual(t *testing.T, pg *clustertest.Postgres) {
	sender, receiver := pair(t, pg, isolated())
	var batch []*adapter.Message
	for _, i := range []int{1, 1, 2, 1, 2, 3, 3, 3} {
		batch = append(batch, event("/", "a", fmt.Sprintf(`["e",%d]`, i)))
	}
	for i := range 3 * maxTransaction {
		batch = append(batch, event("/", "a", fmt.Sprintf(`["e",%d]`, i)))
	}
	publish(t, sender, batch...)
	for _, m := range batch {
		if got := receiver.next(t); got != string(m.Packet.Text) {
			t.Fatalf("got %s, want %s", got, m.Packet.Text)
		}
	}
}

func testOwn(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	a, b := join(t, pg.URL, o), join(t, pg.URL, o)
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

func testLengths(t *testing.T, pg *clustertest.Postgres) {
	sender, receiver := pair(t, pg, isolated())
	head, err := event("/", "a", `[""]`).Encode()
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{7998, 7999, 8000, 8001, 8192} {
		want := `["` + strings.Repeat("x", length-len(head.Text)) + `"]`
		publish(t, sender, event("/", "a", want))
		if got := receiver.next(t); got != want {
			t.Errorf("%d bytes: got %d bytes, want %d", length, len(got), len(want))
		}
	}
}

func testNames(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	sender, receiver := join(t, pg.URL, o), join(t, pg.URL, o)
	names := []string{"/", `/"`, `/a"; LISTEN "b`, "/chät 1", "/Upper", "/upper", `/\`, "/'", "/" + strings.Repeat("n", maxChannel-2-len(o.ChannelPrefix))}
	subscribers := make(map[string]*subscriber)
	for _, name := range names {
		subscribe(t, sender, name, "a")
		subscribers[name], _ = subscribe(t, receiver, name, "b")
	}
	for i, name := range names {
		publish(t, sender, event(name, "a", fmt.Sprintf(`["e",%d]`, i)))
	}
	for i, name := range names {
		m := subscribers[name].nextMessage(t)
		if want := fmt.Sprintf(`["e",%d]`, i); string(m.Packet.Text) != want || m.Namespace != name {
			t.Errorf("%s: got %s of %s, want %s", name, m.Packet.Text, m.Namespace, want)
		}
		if n := len(subscribers[name].messages); n > 0 {
			t.Errorf("%s: %d messages too many", name, n)
		}
	}
}

func testNoChannel(t *testing.T, pg *clustertest.Postgres) {
	a := join(t, pg.URL, Options{})
	name := "/" + strings.Repeat("n", 53)
	err := a.Subscribe(t.Context(), &subscriber{namespace: name, uid: "a"})
	if err == nil || !strings.Contains(err.Error(), "at most 53 are possible") {
		t.Errorf("Subscribe: %v", err)
	}
	s, _ := subscribe(t, a, "/", "a")
	errs := tryPublish(a, event(name, "b", `["e"]`), event("/", "b", `["e"]`))
	if errs == nil || errs[0] == nil || errs[1] != nil {
		t.Errorf("Publish: %v", errs)
	}
	s.next(t)
}

func testResubscribe(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	sender, receiver := join(t, pg.URL, o), join(t, pg.URL, o)
	subscribe(t, sender, "/", "a")
	subscribe(t, sender, "/x", "a")
	always, _ := subscribe(t, receiver, "/", "b")
	for i := range 50 {
		s, unsubscribe := subscribe(t, receiver, "/x", "b")
		want := fmt.Sprintf(`["e",%d]`, i)
		publish(t, sender, event("/x", "a", want))
		if got := s.next(t); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		unsubscribe()
	}
	// When nobody listens to it any longer, nothing of the channel comes.
	eventually(t, "no longer listening", func() bool {
		receiver.listener.mu.Lock()
		defer receiver.listener.mu.Unlock()
		return len(receiver.listener.listens) == 1
	})
	publish(t, sender, event("/x", "a", `["nobody"]`), event("/", "a", `["e"]`))
	if got := always.next(t); got != `["e"]` {
		t.Fatal(got)
	}
}

func testClose(t *testing.T, pg *clustertest.Postgres) {
	pool := open(t, pg.URL+"&application_name=testClose")
	connections := func() string {
		return strings.TrimSpace(pg.Do("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'testClose'"))
	}
	o := isolated()
	for range 5 {
		a, err := New(pool, &o)
		if err != nil {
			t.Fatal(err)
		}
		_, unsubscribe := subscribe(t, a, "/", "a")
		publish(t, a, event("/", "a", `["e"]`))
		unsubscribe()
		a.Close()
		a.Close()
		if errs := a.Publish(t.Context(), []*adapter.Message{event("/", "a", `["e"]`)}); len(errs) != 1 || !errors.Is(errs[0], errClosed) {
			t.Errorf("Publish on a closed adapter: %v", errs)
		}
		if err := a.Subscribe(t.Context(), &subscriber{namespace: "/", uid: "a"}); !errors.Is(err, errClosed) {
			t.Errorf("Subscribe on a closed adapter: %v", err)
		}
	}
	idle := fmt.Sprint(pool.Stat().TotalConns())
	eventually(t, "closed", func() bool { return connections() == idle })
	never, err := New(pool, &o)
	if err != nil {
		t.Fatal(err)
	}
	never.Close() // without a Subscribe
}

func testGarbage(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	log := new(record)
	o.Logger = log.logger()
	sender, receiver := pair(t, pg, o)
	id := strings.TrimSpace(pg.Do(`INSERT INTO socket_io_attachments (payload) VALUES ('\xc1') RETURNING id`))
	for _, payload := range []string{
		``, `{`, `[]`, `"attachmentId"`, `{"attachmentId":true}`, `{"attachmentId":"1; DROP TABLE socket_io_attachments"}`,
		`{"attachmentId":"9223372036854775807"}`, `{"attachmentId":99999999999999999999}`, `{"attachmentId":"` + id + `"}`,
	} {
		pg.Do("SELECT pg_notify('" + o.ChannelPrefix + "#/', '" + payload + "')")
	}
	publish(t, sender, event("/", "a", `["e",{"_placeholder":true,"num":0}]`, []byte{1}))
	for { // some garbage is a message of no known type
		if m := receiver.nextMessage(t); m.Type == adapter.Broadcast {
			break
		}
	}
	for _, line := range []string{"cannot read a message", "its row is gone"} {
		if log.count(line) == 0 {
			t.Errorf("no line %q", line)
		}
	}
}

func testCleanUp(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	o.TableName, o.CleanupInterval = "cleaned", 200*time.Millisecond
	pg.Do("CREATE TABLE cleaned (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)")
	pg.Do("INSERT INTO cleaned (created_at) VALUES (now() + interval '1 hour')")
	sender, _ := pair(t, pg, o)
	publish(t, sender, event("/", "a", `["e",{"_placeholder":true,"num":0}]`, []byte{1}))
	eventually(t, "deleted", func() bool { return strings.TrimSpace(pg.Do("SELECT count(*) FROM cleaned")) == "1" })
}

// What PostgreSQL refuses does not harm what is published with it.
func testRefused(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	o.TableName = "narrow"
	pg.Do("CREATE TABLE narrow (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea CHECK (length(payload) < 9000))")
	sender, receiver := pair(t, pg, o)
	long := event("/", "a", `["`+strings.Repeat("x", 10000)+`"]`)
	for range 3 {
		errs := tryPublish(sender, event("/", "a", `[1]`), long, event("/", "a", `[2]`), long, long, event("/", "a", `[3]`))
		failed := func(err error) bool { return err != nil }
		if len(errs) != 6 || failed(errs[0]) || !failed(errs[1]) || failed(errs[2]) || !failed(errs[3]) || !failed(errs[4]) || failed(errs[5]) {
			t.Fatalf("%v", errs)
		}
		for _, want := range []string{"[1]", "[2]", "[3]"} {
			if got := receiver.next(t); got != want {
				t.Fatalf("got %s, want %s", got, want)
			}
		}
	}
}

func testNoTable(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	o.TableName = "later"
	a := join(t, pg.URL, o)
	subscribing := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		return a.Subscribe(ctx, &subscriber{namespace: "/", uid: "a"})
	}
	err := subscribing()
	if err == nil || !strings.Contains(err.Error(), `create it by CREATE TABLE "later" (id bigserial UNIQUE`) {
		t.Fatal(err)
	}
	_, statement, _ := strings.Cut(err.Error(), "create it by ")
	pg.Do(statement)
	eventually(t, "subscribed", func() bool { return subscribing() == nil })
}

func testNoRight(t *testing.T, pg *clustertest.Postgres) {
	pg.Do("CREATE ROLE weak LOGIN; GRANT SELECT ON socket_io_attachments TO weak")
	a := join(t, strings.Replace(pg.URL, "postgres@", "weak@", 1), isolated())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := a.Subscribe(ctx, &subscriber{namespace: "/", uid: "a"})
	if err == nil || !strings.Contains(err.Error(), "may not SELECT and INSERT") {
		t.Error(err)
	}
}

func testSchema(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	o.TableName = `App."Large ""messages"""`
	pg.Do(`CREATE SCHEMA app; CREATE TABLE app."Large ""messages""" (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)`)
	sender, receiver := pair(t, pg, o)
	publish(t, sender, event("/", "a", `["e",{"_placeholder":true,"num":0}]`, []byte{1}))
	if m := receiver.nextMessage(t); len(m.Packet.Attachments) != 1 {
		t.Errorf("got %+v", m)
	}
}

// A program may set what connections need in its pool's hooks.
func testPool(t *testing.T, pg *clustertest.Postgres) {
	config, err := pgxpool.ParseConfig("postgres://wrong@" + pg.Addr + "/postgres?sslmode=disable&application_name=mine")
	if err != nil {
		t.Fatal(err)
	}
	config.MaxConns = 1
	config.BeforeConnect = func(_ context.Context, c *pgx.ConnConfig) error {
		c.User = "postgres"
		return nil
	}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, "SET search_path TO hooked")
		return err
	}
	pg.Do("CREATE SCHEMA hooked; CREATE TABLE hooked.only_there (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)")
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	taken, err := pool.Acquire(t.Context()) // the only one
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Release()
	o := isolated()
	o.TableName = "only_there"
	a, err := New(pool, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	s, _ := subscribe(t, a, "/", "a")
	publish(t, a, event("/", "b", `["e",{"_placeholder":true,"num":0}]`, []byte{1}))
	s.next(t)
	if n := strings.TrimSpace(pg.Do("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'mine'")); n != "3" {
		t.Errorf("%s connections", n)
	}
}

func testContext(t *testing.T, pg *clustertest.Postgres) {
	sender, receiver := pair(t, pg, isolated())
	publish(t, sender, event("/", "a", `[1]`))
	receiver.next(t)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if errs := sender.Publish(ended, []*adapter.Message{event("/", "a", `[2]`)}); len(errs) != 1 || errs[0] == nil {
		t.Errorf("Publish: %v", errs)
	}
	if err := sender.Subscribe(ended, &subscriber{namespace: "/y", uid: "a"}); err == nil {
		t.Error("Subscribe: no error")
	}
	publish(t, sender, event("/", "a", `[3]`))
	if got := receiver.next(t); got != `[3]` {
		t.Errorf("got %s", got)
	}
	var count *adapter.NoCount
	if _, err := sender.Servers(t.Context(), "/"); !errors.As(err, &count) {
		t.Errorf("Servers: %v", err)
	}
}

func testTransaction(t *testing.T, pg *clustertest.Postgres) {
	o := isolated()
	s, _ := subscribe(t, join(t, pg.URL, o), "/", "a")
	pool := open(t, pg.URL)
	emitter, err := NewEmitter(pool, &o)
	if err != nil {
		t.Fatal(err)
	}
	for _, commit := range []bool{false, true} {
		tx, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		in := emitter.With(tx)
		if err := errors.Join(in.Emit(t.Context(), "short", commit), in.Emit(t.Context(), "bin", []byte{1})); err != nil {
			t.Fatal(err)
		}
		end := tx.Rollback
		if commit {
			end = tx.Commit
		}
		if err := end(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	got := []string{s.next(t), s.next(t)}
	if want := []string{`["short",true]`, `["bin",{"_placeholder":true,"num":0}]`}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if err := emitter.Emit(t.Context(), "disconnect"); err == nil {
		t.Error("the name of an event is reserved")
	}
	if err := emitter.Emit(t.Context(), "e", make(chan int)); err == nil {
		t.Error("a channel cannot be encoded")
	}
	if err := emitter.Of(strings.Repeat("n", 60)).Emit(t.Context(), "e"); err == nil {
		t.Error("a namespace is no channel")
	}
}
