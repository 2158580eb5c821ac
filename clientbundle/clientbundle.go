// Package clientbundle contains the browser bundles of npm's socket.io-client,
// for pages that are built without npm:
//
//	io := socketio.NewServer(&socketio.Options{ServeClient: clientbundle.Files})
//	http.Handle(io.Pattern(), io)
//
//	<script src="/socket.io/socket.io.min.js"></script>
//
// They are socket.io.js and socket.io.min.js, which define the function io;
// socket.io.esm.min.js, a module; socket.io.msgpack.min.js, which speaks
// MessagePack (see parser/msgpack); and the source map of each with .map added
// to its name. Importing the package makes a program 310 kB larger.
package clientbundle

import "embed"

// Files are the bundles, each compressed as name.gz: socket.io-client 4.8.4,
// under the MIT licence in LICENSE. make clientbundle renews them.
//
//go:embed *.gz
var Files embed.FS
