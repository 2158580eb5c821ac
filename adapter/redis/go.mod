module github.com/goroomcast/socketio/adapter/redis

go 1.25.0

require (
	github.com/goroomcast/socketio v0.0.0
	github.com/redis/rueidis v1.0.79 // speaks to Redis, pipelines, and fails at once while Redis is away
)

require (
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/sys v0.47.0 // indirect
)

replace github.com/goroomcast/socketio => ../..
