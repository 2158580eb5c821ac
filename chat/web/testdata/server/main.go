// Command server is the chat of the tests of the client: it listens on loopback,
// prints its port, and ends with its standard input. A line there is a command:
// epoch gives all rooms another epoch, and quit ends.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

func main() {
	io := socketio.NewServer(nil)
	rooms := store.Memory()
	c, err := chat.New(io.Of("/chat"), &chat.Options{
		Store:         rooms,
		Limits:        chat.Limits{File: 100_000},
		WatchInterval: 100 * time.Millisecond,
		Authenticate: func(_ context.Context, s *socketio.Socket) (chat.User, error) {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil || auth.Token == "" {
				return chat.User{}, errors.New("no token")
			}
			return chat.User{ID: auth.Token, Name: auth.Token}, nil
		},
		BeforePost: func(_ context.Context, d *chat.Draft) error {
			if d.Text == "spam" {
				return chat.Refuse("no spam, please")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	http.Handle(io.Pattern(), io)
	dir, err := os.MkdirTemp("", "roomcast-files-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	files := c.Files(chat.Dir(dir), func(r *http.Request) (chat.User, error) {
		if token := r.Header.Get("Authorization"); token != "" {
			return chat.User{ID: token}, nil
		}
		return chat.User{}, errors.New("no token")
	})
	http.Handle("/files", files)
	http.Handle("/files/", files)
	// A room with members, and with so many messages. A room of the same id goes.
	http.HandleFunc("POST /room", func(w http.ResponseWriter, r *http.Request) {
		var a struct {
			Room     string
			Users    []string
			Messages int
		}
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		room := c.Room(a.Room)
		err := room.Delete(ctx)
		if errors.Is(err, chat.ErrNotFound) {
			err = nil
		}
		err = errors.Join(err, room.Create(ctx, chat.RoomInfo{Kind: chat.Closed}))
		for _, user := range a.Users {
			err = errors.Join(err, room.Add(ctx, user, store.RoleMember))
		}
		for i := range a.Messages {
			_, posted := room.Post(ctx, a.Users[0], chat.Draft{Text: fmt.Sprint("old ", i+1)})
			err = errors.Join(err, posted)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	// A room that keeps so many messages.
	http.HandleFunc("POST /keep", func(w http.ResponseWriter, r *http.Request) {
		var a struct {
			Room  string
			Count int64
		}
		err := json.NewDecoder(r.Body).Decode(&a)
		if err == nil {
			_, err = rooms.Commit(ctx, []store.Op{store.Prune{Room: a.Room, Keep: store.Keep{Count: a.Count}}})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(l, nil)) }()
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan() && lines.Text() != "quit"; {
		if lines.Text() == "epoch" {
			if err := rooms.NewEpoch(ctx); err != nil {
				log.Fatal(err)
			}
		}
	}
	_ = io.Close()
	_ = c.Close()
}
