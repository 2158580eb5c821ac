module github.com/goroomcast/socketio/examples/chat

go 1.25.0

require (
	github.com/goroomcast/socketio v0.0.0
	github.com/goroomcast/socketio/adapter/nats/embedded v0.0.0 // several servers without a broker
	github.com/goroomcast/socketio/chat v0.0.0
	github.com/goroomcast/socketio/chat/postgres v0.0.0
	github.com/goroomcast/socketio/chat/sqlite v0.0.0
	github.com/jackc/pgx/v5 v5.13.0 // the connections of chat/postgres
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.7.2-default-no-op // indirect
	github.com/dustin/go-humanize v1.0.1 // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/goroomcast/socketio/adapter/nats v0.0.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats-server/v2 v2.14.5 // indirect
	github.com/nats-io/nats.go v1.53.1 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/ncruces/go-strftime v1.0.0 // indirect
	github.com/remyoudompheng/bigfft v0.0.0-20230129092748-24d4a6f8daec // indirect
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	golang.org/x/time v0.15.0 // indirect
	modernc.org/libc v1.75.7 // indirect
	modernc.org/mathutil v1.7.1 // indirect
	modernc.org/memory v1.12.1 // indirect
	modernc.org/sqlite v1.59.0 // indirect
)

replace (
	github.com/goroomcast/socketio => ../..
	github.com/goroomcast/socketio/adapter/nats => ../../adapter/nats
	github.com/goroomcast/socketio/adapter/nats/embedded => ../../adapter/nats/embedded
	github.com/goroomcast/socketio/adapter/postgres => ../../adapter/postgres // of the tests of chat/postgres
	github.com/goroomcast/socketio/chat => ../../chat
	github.com/goroomcast/socketio/chat/postgres => ../../chat/postgres
	github.com/goroomcast/socketio/chat/sqlite => ../../chat/sqlite
)
