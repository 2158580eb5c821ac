module edges

go 1.25

require github.com/goroomcast/socketio v0.0.0

require github.com/rs/cors v1.11.1 // indirect

replace github.com/goroomcast/socketio => ../../../..
