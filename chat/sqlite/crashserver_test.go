//go:build !race

package sqlite

import (
	"bufio"
	"context"
	"database/sql/driver"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"modernc.org/sqlite"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

// The test binary is the server of TestCrashes, too.
func TestMain(m *testing.M) {
	sqlite.MustRegisterScalarFunction("reached", 1, func(_ *sqlite.FunctionContext, args []driver.Value) (driver.Value, error) {
		points.reach(args[0].(string))
		return nil, nil
	})
	if file := os.Getenv("CRASH_FILE"); file != "" {
		log.Fatal(serveCrash(file, os.Getenv("CRASH_ADDRESS")))
	}
	os.Exit(m.Run())
}

// points stop the server where the test wants to kill it.
var points stops

type stops struct {
	mu    sync.Mutex
	point string
	after int // how many times the point is passed before
}

func (s *stops) arm(point string, after int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.point, s.after = point, after
}

// reach never returns if this is the point. The test is told, and kills the
// process.
func (s *stops) reach(point string) {
	s.mu.Lock()
	stop := s.point == point && s.after == 0
	if s.point == point {
		s.after--
	}
	s.mu.Unlock()
	if stop {
		fmt.Println("reached")
		select {}
	}
}

// serveCrash serves a chat until stdin ends. Each line of stdin is the point at
// which it stops, and how many times the point is passed before.
func serveCrash(file, address string) error {
	arm := func(line string) {
		if point, after, armed := strings.Cut(line, ":"); armed {
			n, _ := strconv.Atoi(after)
			points.arm(point, n)
		}
	}
	arm(os.Getenv("CRASH_POINT"))
	migrateTimes(os.Getenv("CRASH_MIGRATIONS"))
	rooms, err := open(file)
	if err != nil {
		return err
	}
	if err := stopInTransactions(rooms); err != nil {
		return err
	}
	told, err := os.OpenFile(file+".hooks", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	server := socketio.NewServer(nil)
	much := chat.Rate{PerSecond: 1e5, Burst: 1e5}
	c, err := chat.New(server.Of("/chat"), &chat.Options{
		Store: stopping{rooms},
		OnPost: func(_ context.Context, p *chat.Posted) error {
			points.reach("before hook")
			_, err := fmt.Fprintln(told, p.Room, p.Message.Seq)
			points.reach("after hook")
			return err
		},
		DurableHooks: true,
		Logger:       slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Limits:       chat.Limits{Posts: much, RoomPosts: much, Edits: much, Reads: much},
		Trace:        chat.Trace{Delivered: func(string, int64) { points.reach("after fan-out") }},
		Authenticate: func(_ context.Context, s *socketio.Socket) (chat.User, error) {
			var auth struct{ User string }
			err := s.Handshake().DecodeAuth(&auth)
			return chat.User{ID: auth.User}, err
		},
	})
	if err != nil {
		return err
	}
	for _, room := range []string{"r", "s"} {
		insist(func() error {
			err := c.Room(room).Create(ctx, chat.RoomInfo{Kind: chat.Open})
			if store.CodeOf(err) == store.Conflict {
				return nil
			}
			return err
		})
		for i := range 4 {
			insist(func() error { return c.Room(room).Add(ctx, fmt.Sprint("user", i), chat.Writer) })
		}
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			if user, is := strings.CutPrefix(lines.Text(), "erase "); is {
				go eraseGuest(c, user)
			}
			arm(lines.Text())
		}
		os.Exit(0)
	}()
	http.Handle(server.Pattern(), server)
	http.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	return http.ListenAndServe(address, nil)
}

// shipped is how many migrations the package has.
var shipped = len(migrations)

// migrateTimes adds migrations that rewrite the messages. The last stops in the
// middle.
func migrateTimes(times string) {
	n, _ := strconv.Atoi(times)
	for i := range n {
		migrations = append(migrations, fmt.Sprintf(`
			ALTER TABLE messages ADD COLUMN later%d INTEGER;
			CREATE TABLE copy%[1]d AS SELECT * FROM messages;
			UPDATE messages SET text = 'migrated by half';
			SELECT reached('in migration %[1]d');
			UPDATE messages SET text = (SELECT text FROM copy%[1]d AS c WHERE c.room = messages.room AND c.seq = messages.seq);
			DROP TABLE copy%[1]d;`, i))
	}
}

// stopInTransactions adds a stop between the writes of a message and the COMMIT.
func stopInTransactions(s *db) error {
	w := <-s.writer
	defer func() { s.writer <- w }()
	_, err := w.conn.ExecContext(ctx, `
		CREATE TEMP TRIGGER stop_insert AFTER INSERT ON main.messages BEGIN SELECT reached('in the transaction'); END;
		CREATE TEMP TRIGGER stop_reaction AFTER INSERT ON main.reactions BEGIN SELECT reached('in the transaction'); END;
		CREATE TEMP TRIGGER stop_erase AFTER UPDATE ON main.messages WHEN new.author = 'deleted' BEGIN SELECT reached('in an erasure'); END;`)
	return err
}

// stopping is a store that stops before and after its calls.
type stopping struct{ store.Outbox }

// Claim makes claims that soon end after a kill.
func (s stopping) Claim(ctx context.Context, owner string, settle []store.Claim, _ time.Duration, limit int) ([]store.Claim, []string, error) {
	return s.Outbox.Claim(ctx, owner, settle, time.Second, limit)
}

func (s stopping) Commit(ctx context.Context, ops []store.Op) (*store.Committed, error) {
	erases := slices.ContainsFunc(ops, func(op store.Op) bool { _, is := op.(store.Erase); return is })
	if points.reach("before commit"); erases {
		points.reach("before a step")
	}
	done, err := s.Outbox.Commit(ctx, ops)
	if points.reach("after commit"); erases {
		points.reach("after a step")
	}
	return done, err
}

func (s stopping) Changes(ctx context.Context, room string, after int64, l store.Limit) (*store.Changes, error) {
	points.reach("in catch-up")
	page, err := s.Outbox.Changes(ctx, room, after, l)
	points.reach("after a page")
	return page, err
}

func (s stopping) Memberships(ctx context.Context, user, after string, limit int) ([]store.Membership, error) {
	points.reach("in ready")
	return s.Outbox.Memberships(ctx, user, after, limit)
}
