package chat_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
)

func Example() {
	io := socketio.NewServer(nil)
	c, err := chat.New(io.Of("/chat"), &chat.Options{
		Store: store.Memory(), // a database in a real program
		Authenticate: func(ctx context.Context, s *socketio.Socket) (chat.User, error) {
			var auth struct{ Token string }
			if err := s.Handshake().DecodeAuth(&auth); err != nil {
				return chat.User{}, err
			}
			return chat.User{ID: auth.Token, Name: auth.Token}, nil // look the token up
		},
		BeforePost: func(ctx context.Context, d *chat.Draft) error {
			if d.Text == "spam" {
				return chat.Refuse("no spam, please")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	defer io.Close()
	if err := c.Room("general").Create(context.Background(), chat.RoomInfo{Kind: chat.Open}); err != nil {
		log.Fatal(err)
	}
	http.Handle(io.Pattern(), io)
	// http.ListenAndServe(":3000", nil)
}

func ExampleRoom_Post() {
	io := socketio.NewServer(nil)
	defer io.Close()
	c, err := chat.New(io.Of("/chat"), &chat.Options{
		Store:        store.Memory(),
		Authenticate: func(context.Context, *socketio.Socket) (chat.User, error) { return chat.User{ID: "ann"}, nil },
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	room := c.Room("general")
	if err := room.Create(ctx, chat.RoomInfo{Kind: chat.Open}); err != nil {
		log.Fatal(err)
	}
	for range 2 { // an import that runs twice
		m, err := room.Post(ctx, "ann", chat.Draft{Text: "hello", Key: "import/17"})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(m.Seq, m.Author, m.Text)
	}
	// Output:
	// 1 ann hello
	// 1 ann hello
}
