package main

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"sync"

	"github.com/goroomcast/socketio"
)

const (
	largestPicture = 512 << 10 // bytes
	albumSize      = 64 << 20  // bytes
)

// An album keeps the latest pictures. Its zero value is empty.
type album struct {
	mu       sync.Mutex
	pictures map[string][]byte
	order    []string // oldest first
	size     int
}

func (a *album) add(id string, picture []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pictures == nil {
		a.pictures = map[string][]byte{}
	}
	a.pictures[id] = picture
	a.order = append(a.order, id)
	a.size += len(picture)
	for a.size > albumSize {
		oldest := a.order[0]
		a.size -= len(a.pictures[oldest])
		delete(a.pictures, oldest)
		a.order = a.order[1:]
	}
}

func (a *album) get(id string) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	picture, ok := a.pictures[id]
	if !ok {
		return nil, refuse("This picture is no longer here.")
	}
	return picture, nil
}

// upload takes a picture, and returns its id for a message.
func (a *app) upload(_ context.Context, _ *socketio.Socket, picture []byte) (string, error) {
	switch {
	case len(picture) > largestPicture:
		return "", refuse("A picture has at most %d KiB.", largestPicture>>10)
	case !strings.HasPrefix(http.DetectContentType(picture), "image/"):
		return "", refuse("This is not a picture.")
	}
	id := rand.Text()
	a.album.add(id, picture)
	return id, nil
}

type pictureArgs struct {
	ID string `json:"id"`
}

func (a *app) picture(_ context.Context, _ *socketio.Socket, arg pictureArgs) ([]byte, error) {
	return a.album.get(arg.ID)
}
