module github.com/goroomcast/socketio/adapter/nats

go 1.25.0

replace github.com/goroomcast/socketio => ../..

require (
	github.com/goroomcast/socketio v0.0.0
	github.com/nats-io/nats.go v1.53.1 // speaks to NATS; programs hand over its options
)

require (
	github.com/klauspost/compress v1.18.5 // indirect
	github.com/nats-io/nkeys v0.4.15 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	golang.org/x/crypto v0.49.0 // indirect
	golang.org/x/sys v0.42.0 // indirect
)
