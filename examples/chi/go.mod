module github.com/goroomcast/socketio/examples/chi

go 1.25

require (
	github.com/go-chi/chi/v5 v5.5.0
	github.com/goroomcast/socketio v0.0.0
)

require github.com/rs/cors v1.11.1 // indirect

replace github.com/goroomcast/socketio => ../..
