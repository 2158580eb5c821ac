module github.com/goroomcast/socketio/bench/cluster

go 1.25.0

// The adapters, and what the programs that use them hand over.
require (
	github.com/goroomcast/socketio v0.0.0
	github.com/goroomcast/socketio/adapter/nats v0.0.0
	github.com/goroomcast/socketio/adapter/nats/embedded v0.0.0
	github.com/goroomcast/socketio/adapter/postgres v0.0.0
	github.com/goroomcast/socketio/adapter/redis v0.0.0
	github.com/jackc/pgx/v5 v5.13.0
	github.com/nats-io/nats-server/v2 v2.14.5
	github.com/redis/rueidis v1.0.79
)

require (
	github.com/antithesishq/antithesis-sdk-go v0.7.2-default-no-op // indirect
	github.com/google/go-tpm v0.9.8 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/puddle/v2 v2.2.3 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/minio/highwayhash v1.0.4 // indirect
	github.com/nats-io/jwt/v2 v2.8.2 // indirect
	github.com/nats-io/nats.go v1.53.1 // indirect
	github.com/nats-io/nkeys v0.4.16 // indirect
	github.com/nats-io/nuid v1.0.1 // indirect
	github.com/rs/cors v1.11.1 // indirect
	golang.org/x/crypto v0.55.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace github.com/goroomcast/socketio => ../..

replace github.com/goroomcast/socketio/adapter/nats => ../../adapter/nats

replace github.com/goroomcast/socketio/adapter/nats/embedded => ../../adapter/nats/embedded

replace github.com/goroomcast/socketio/adapter/postgres => ../../adapter/postgres

replace github.com/goroomcast/socketio/adapter/redis => ../../adapter/redis
