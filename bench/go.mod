module github.com/goroomcast/socketio/bench

go 1.25.0

require (
	github.com/googollee/go-socket.io v1.7.0 // a server that is compared
	github.com/goroomcast/socketio v0.0.0
	github.com/goroomcast/socketio/metrics/prometheus v0.0.0 // what metrics cost
	github.com/prometheus/client_golang v1.24.1
)

require (
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	github.com/gofrs/uuid v4.0.0+incompatible // indirect
	github.com/gomodule/redigo v1.8.4 // indirect
	github.com/gorilla/websocket v1.4.2 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/prometheus/client_model v0.6.2 // indirect
	github.com/prometheus/common v0.70.1 // indirect
	github.com/prometheus/procfs v0.21.1 // indirect
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/sys v0.47.0 // indirect
	google.golang.org/protobuf v1.36.11 // indirect
)

replace github.com/goroomcast/socketio => ..

replace github.com/goroomcast/socketio/metrics/prometheus => ../metrics/prometheus

ignore node_modules
