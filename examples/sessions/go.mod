module github.com/goroomcast/socketio/examples/sessions

go 1.25

require (
	github.com/alexedwards/scs/v2 v2.9.0
	github.com/goroomcast/socketio v0.0.0
)

require github.com/rs/cors v1.11.1 // indirect

replace github.com/goroomcast/socketio => ../..
