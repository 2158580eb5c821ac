module github.com/goroomcast/socketio/chat

go 1.25.0

require github.com/goroomcast/socketio v0.0.0 // the server; everything else is the standard library

require github.com/rs/cors v1.11.1 // indirect

replace github.com/goroomcast/socketio => ..
