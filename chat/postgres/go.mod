module github.com/goroomcast/socketio/chat/postgres

go 1.25.0

require (
	github.com/goroomcast/socketio v0.0.0
	github.com/goroomcast/socketio/adapter/postgres v0.0.0 // tests: the bus between two servers
	github.com/goroomcast/socketio/chat v0.0.0
	github.com/jackc/pgx/v5 v5.13.0 // speaks to PostgreSQL; the program hands over its pool
)

require (
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace (
	github.com/goroomcast/socketio => ../..
	github.com/goroomcast/socketio/adapter/postgres => ../../adapter/postgres
	github.com/goroomcast/socketio/chat => ..
)
