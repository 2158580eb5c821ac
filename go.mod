module github.com/goroomcast/socketio

go 1.25

require github.com/rs/cors v1.11.1

ignore node_modules
