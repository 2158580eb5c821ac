package redis_test

import (
	"context"
	"log"
	"net/http"
	"time"

	"github.com/redis/rueidis"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/adapter/redis"
)

// Any number of these servers can run behind one load balancer.
func Example() {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	io := socketio.NewServer(&socketio.Options{Adapter: redis.NewSharded(client, nil)})
	defer io.Close()
	socketio.On(io, "message", func(_ context.Context, _ *socketio.Socket, text string) error {
		return io.Emit("message", text) // to the clients of all servers
	})
	http.Handle("/socket.io/", io)
	log.Fatal(http.ListenAndServe(":3000", nil))
}

// A server that joins a cluster of JavaScript servers, which use createAdapter
// with the option key.
func ExampleNewClassic() {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	io := socketio.NewServer(&socketio.Options{
		Adapter: redis.NewClassic(client, &redis.ClassicOptions{Key: "my-app"}),
	})
	defer io.Close()
	http.Handle("/socket.io/", io)
	log.Fatal(http.ListenAndServe(":3000", nil))
}

// A worker that tells the members of a room how far it is.
func ExampleEmitter() {
	client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	emitter := redis.NewEmitter(redis.NewSharded(client, nil))
	if err := emitter.To("job 7").Emit(ctx, "progress", 0.5); err != nil {
		log.Fatal(err)
	}
}
