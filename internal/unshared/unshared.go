// Package unshared marks data of sockets that other servers do not get.
package unshared

// A Value is set by Socket.SetData without being encoded, because its owner may
// be changing it at any time. Socket.Data returns V.
type Value struct{ V any }
