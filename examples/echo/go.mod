module github.com/goroomcast/socketio/examples/echo

go 1.25.0

require (
	github.com/goroomcast/socketio v0.0.0
	github.com/labstack/echo/v5 v5.4.4
)

require (
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace github.com/goroomcast/socketio => ../..
