package main

import (
	"context"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/goroomcast/socketio"
)

// newServer returns a server whose sockets have their token's claims as data.
func newServer(key tokenKey) *socketio.Server {
	io := socketio.NewServer(nil)
	io.Use(func(ctx context.Context, s *socketio.Socket) error {
		var auth struct{ Token string }
		if err := s.Handshake().DecodeAuth(&auth); err != nil {
			return &socketio.Error{Message: "unauthorized", Data: "no token"}
		}
		claims, err := key.verify(auth.Token)
		if err != nil {
			return &socketio.Error{Message: "unauthorized", Data: err.Error()}
		}
		s.SetData(claims)
		s.ExpireAt(claims.ExpiresAt.Time)
		return nil
	})
	socketio.OnCall(io, "refresh", func(ctx context.Context, s *socketio.Socket, token string) (time.Time, error) {
		claims, err := key.verify(token)
		if err != nil || claims.Subject != claimsOf(s).Subject {
			return time.Time{}, &socketio.Error{Message: "unauthorized"}
		}
		s.SetData(claims)
		s.ExpireAt(claims.ExpiresAt.Time)
		return claims.ExpiresAt.Time, nil
	})
	socketio.OnCall(io, "whoami", func(ctx context.Context, s *socketio.Socket, _ struct{}) (string, error) {
		return claimsOf(s).Subject, nil
	})
	return io
}

func claimsOf(s *socketio.Socket) *jwt.RegisteredClaims {
	claims, _ := socketio.Data[*jwt.RegisteredClaims](s) // there is always one, by the middleware
	return claims
}
