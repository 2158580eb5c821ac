package main

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// A front passes requests on to servers in turn. A session of Socket.IO lives
// in the memory of one server, so all its requests must reach this one: a
// cookie names it. A client that uses WebSocket alone has one connection and
// needs no cookie. A real front is nginx, Caddy, HAProxy or a load balancer;
// docs/behind-a-proxy.md has their configurations.
type front struct {
	backends []*backend
	next     atomic.Uint64
	downTime time.Duration // before a server that does not answer is tried again
}

type backend struct {
	*httputil.ReverseProxy
	downUntil atomic.Int64 // in nanoseconds since 1970
}

const cookie = "chat-server"

func newFront(servers []*url.URL) *front {
	f := &front{downTime: 2 * time.Second}
	for _, target := range servers {
		b := new(backend)
		b.ReverseProxy = &httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) {
				r.SetURL(target)
				r.Out.Host = r.In.Host // the server compares it with Origin
				r.SetXForwarded()
			},
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, _ error) {
				if r.Context().Err() == nil { // or else the client has left
					b.downUntil.Store(time.Now().Add(f.downTime).UnixNano())
				}
				w.WriteHeader(http.StatusBadGateway) // the client tries again
			},
		}
		f.backends = append(f.backends, b)
	}
	return f
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i, known := f.chosen(r)
	if !known {
		i = f.choose()
		http.SetCookie(w, &http.Cookie{Name: cookie, Value: strconv.Itoa(i), Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	f.backends[i].ServeHTTP(w, r)
}

// chosen returns the server that a request's cookie names, if it is up.
func (f *front) chosen(r *http.Request) (i int, ok bool) {
	c, err := r.Cookie(cookie)
	if err != nil {
		return 0, false
	}
	i, err = strconv.Atoi(c.Value)
	return i, err == nil && i >= 0 && i < len(f.backends) && f.backends[i].up()
}

// choose returns the next server that is up, or the next one if none is.
func (f *front) choose() int {
	n := uint64(len(f.backends))
	first := f.next.Add(1)
	for k := range n {
		if i := (first + k) % n; f.backends[i].up() {
			return int(i)
		}
	}
	return int(first % n)
}

func (b *backend) up() bool { return time.Now().UnixNano() >= b.downUntil.Load() }
