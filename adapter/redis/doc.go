// Package redis connects servers by Redis, also with JavaScript servers that use
// npm's @socket.io/redis-adapter or @socket.io/redis-streams-adapter, and with
// programs that use npm's @socket.io/redis-emitter.
//
// This is a first server. Any number of such servers can run behind one load
// balancer:
//
//	package main
//
//	import (
//		"context"
//		"log"
//		"net/http"
//
//		"github.com/goroomcast/socketio"
//		"github.com/goroomcast/socketio/adapter/redis"
//		"github.com/redis/rueidis"
//	)
//
//	func main() {
//		client, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{"localhost:6379"}})
//		if err != nil {
//			log.Fatal(err)
//		}
//		defer client.Close()
//		io := socketio.NewServer(&socketio.Options{Adapter: redis.NewSharded(client, nil)})
//		defer io.Close()
//		socketio.On(io, "message", func(_ context.Context, _ *socketio.Socket, text string) error {
//			return io.Emit("message", text) // to the clients of all servers
//		})
//		http.Handle("/socket.io/", io)
//		log.Fatal(http.ListenAndServe(":3000", nil))
//	}
//
// # Which adapter
//
// [Sharded] is for Redis 7 and newer, alone or as a Redis Cluster. [Classic] is
// for older versions of Redis, and for clusters with JavaScript servers that
// use createAdapter. [Streams] keeps the events in Redis: servers that lose
// their connection miss nothing, and clients that lose theirs get what they
// have missed from any server; in exchange every server reads the events of all
// rooms. All servers of a cluster must use the same kind of adapter with the
// same options.
//
// An [Emitter] sends from programs that are no servers.
//
// # When Redis is away
//
// Emit never waits for Redis, and the clients of the server itself get each
// event at once. Events for the clients of other servers are lost while Redis
// is away; the server counts them in its log. When Redis is back, each server
// first subscribes again and publishes half a second later, when the others
// have subscribed too. If only the connection for subscriptions breaks, the
// server receives nothing for some milliseconds, and its clients lose the
// events that others publish in that time.
//
// With Streams only those events are lost that Redis could not take. A server
// whose connection was broken reads the events that it has missed.
//
// # Connections
//
// The adapters use a client of the package rueidis, because it fails at once
// while Redis is away; it may be the client that the rest of the program uses.
// One connection of its pool is for the subscriptions. A program that uses
// go-redis makes a rueidis client with the same address: the two have no
// interface in common that an adapter could use.
package redis
