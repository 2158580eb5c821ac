module github.com/goroomcast/socketio/bench

go 1.25

require (
	github.com/googollee/go-socket.io v1.7.0
	github.com/goroomcast/socketio v0.0.0
)

require (
	github.com/gofrs/uuid v4.0.0+incompatible // indirect
	github.com/gomodule/redigo v1.8.4 // indirect
	github.com/gorilla/websocket v1.4.2 // indirect
	github.com/rs/cors v1.11.1 // indirect
)

replace github.com/goroomcast/socketio => ..

ignore node_modules
