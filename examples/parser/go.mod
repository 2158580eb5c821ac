module github.com/goroomcast/socketio/examples/parser

go 1.25.0

require (
	github.com/fxamacker/cbor/v2 v2.10.0
	github.com/goroomcast/socketio v0.0.0
)

require (
	github.com/rs/cors v1.11.1 // indirect
	github.com/x448/float16 v0.8.4 // indirect
)

replace github.com/goroomcast/socketio => ../..
