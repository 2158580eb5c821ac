module github.com/goroomcast/socketio/interop/googollee

go 1.25

require (
	github.com/googollee/go-socket.io v1.7.0
	github.com/goroomcast/socketio v0.0.0
)

require (
	github.com/gorilla/websocket v1.4.2 // indirect
	github.com/rs/cors v1.11.1 // indirect
)

replace github.com/goroomcast/socketio => ../..
