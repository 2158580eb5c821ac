package socketio

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rs/cors"

	"github.com/goroomcast/socketio/internal/engine"
	"github.com/goroomcast/socketio/internal/origin"
	"github.com/goroomcast/socketio/internal/rarelog"
)

// CORS says which pages of other origins may use the server. The server applies
// it to polling by CORS headers. It also checks the origin of WebSocket
// handshakes, because browsers do not apply CORS to WebSocket. Pages of the
// server's own origin are always allowed. The zero value allows no other
// origin.
type CORS struct {
	// Origins are the allowed origins. An origin consists of scheme, host and
	// optional port, as in "https://example.com" or "http://localhost:5173".
	// One "*" may stand for a part of the host: "https://*.example.com" allows
	// subdomains. "*" alone allows all pages, "null" allows sandboxed pages and
	// local files in all browsers, and "file://" allows the local files of some
	// apps. NewServer panics if an origin cannot match any page, or if
	// Credentials is true and an origin matches pages of strangers.
	Origins []string

	// AllowOrigin decides about an origin instead of Origins, for example if
	// the origins are not known beforehand. NewServer panics if both are set.
	// The server does not call AllowOrigin for its own origin. If Credentials
	// is true and AllowOrigin allows every origin, every page can act in the
	// name of its visitor.
	AllowOrigin func(r *http.Request) bool

	// Methods are the methods that the answer to a preflight request allows.
	// Defaults to GET and POST.
	Methods []string

	// Headers are the request headers that clients may send by the extraHeaders
	// option of socket.io-client, besides the headers that CORS always allows
	// and Content-Type.
	Headers []string

	// ExposedHeaders are the headers of answers that pages may read, besides
	// those that CORS always allows.
	ExposedHeaders []string

	// Credentials allows clients to send cookies, by the withCredentials option
	// of socket.io-client. It cannot be combined with the origins "*",
	// "https://*" and "null", because pages of strangers can have such an
	// origin. Defaults to false.
	Credentials bool

	// MaxAge is how long browsers may cache the answer to a preflight request.
	// Defaults to the browser's own choice.
	MaxAge time.Duration
}

// origins applies a CORS configuration.
type origins struct {
	CORS
	cors   *cors.Cors // nil: the own origin only
	logger *rarelog.Logger
}

func newOrigins(c CORS) *origins {
	o := &origins{CORS: c}
	if len(c.Origins) == 0 && c.AllowOrigin == nil {
		return o
	}
	if len(c.Origins) > 0 && c.AllowOrigin != nil {
		panic("socketio: CORS has Origins and AllowOrigin; use one of them")
	}
	o.Origins = nil
	for _, written := range c.Origins {
		normal, err := origin.Normalize(written, c.Credentials)
		if err != nil {
			panic(fmt.Sprintf("socketio: CORS.Origins: %q %v", written, err))
		}
		o.Origins = append(o.Origins, normal)
	}
	if len(c.Methods) == 0 {
		o.Methods = []string{http.MethodGet, http.MethodPost}
	}
	o.Headers = append([]string{"Content-Type"}, c.Headers...)
	options := cors.Options{
		AllowedOrigins:       o.Origins,
		AllowedMethods:       o.Methods,
		AllowedHeaders:       o.Headers,
		ExposedHeaders:       c.ExposedHeaders,
		AllowCredentials:     c.Credentials,
		MaxAge:               int(c.MaxAge / time.Second),
		OptionsSuccessStatus: http.StatusNoContent,
	}
	if c.AllowOrigin != nil {
		options.AllowOriginVaryRequestFunc = func(r *http.Request, _ string) (bool, []string) {
			return o.ask(c.AllowOrigin, r), nil
		}
	}
	o.cors = cors.New(options)
	return o
}

// ask calls AllowOrigin. A panic there allows nothing, and http.ErrAbortHandler
// ends the request.
func (o *origins) ask(allow func(*http.Request) bool, r *http.Request) bool {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			panic(p)
		default:
			logPanic(o.logger, "CORS.AllowOrigin", "", "", p)
		}
	}()
	return allow(r)
}

// handler puts the CORS headers and the answers to preflight requests before h.
func (o *origins) handler(h http.Handler) http.Handler {
	if o.cors == nil {
		return h
	}
	withHeaders := o.cors.Handler(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		withHeaders.ServeHTTP(w, r)
		preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
		if preflight && w.Header().Get("Access-Control-Allow-Origin") == "" {
			o.logPreflight(r)
		}
	})
}

// allowed reports whether a request may use the server.
func (o *origins) allowed(r *http.Request) bool {
	if engine.SameOrigin(r) || o.cors != nil && o.cors.OriginAllowed(r) {
		return true
	}
	o.logOrigin(r)
	return false
}

// logOrigin says that an origin is refused, and what would allow it.
func (o *origins) logOrigin(r *http.Request) {
	sent := r.Header.Get("Origin")
	log := o.logger.About(sent)
	if o.AllowOrigin != nil {
		log.Warn("origin refused by Options.CORS.AllowOrigin", "origin", sent, "host", r.Host)
		return
	}
	normal, err := origin.Normalize(sent, o.Credentials)
	advice := fmt.Sprintf("to allow it, add %q to Options.CORS.Origins", normal)
	switch {
	case err != nil:
		advice = fmt.Sprintf("Options.CORS.Origins: %q %v", sent, err)
	case strings.Contains(sent, "*") || normal != strings.ToLower(sent):
		advice = "no browser sends an origin of this form"
	}
	log.Warn("origin refused", "origin", sent, "host", r.Host, "advice", advice)
}

// logPreflight says why a browser may not send a request.
func (o *origins) logPreflight(r *http.Request) {
	if engine.SameOrigin(r) {
		return // browsers do not ask
	}
	if !o.cors.OriginAllowed(r) {
		o.logOrigin(r)
		return
	}
	if method := r.Header.Get("Access-Control-Request-Method"); !slices.Contains(o.Methods, method) {
		o.logger.About(method).Warn("preflight request refused: Options.CORS.Methods lacks the method of the request",
			"method", method, "origin", r.Header.Get("Origin"))
		return
	}
	var missing []string
	for name := range strings.SplitSeq(strings.Join(r.Header.Values("Access-Control-Request-Headers"), ","), ",") {
		name = strings.TrimSpace(name)
		if name != "" && !slices.ContainsFunc(o.Headers, func(allowed string) bool { return strings.EqualFold(allowed, name) }) {
			missing = append(missing, name)
		}
	}
	if len(missing) == 0 {
		return // out of order, which browsers do not send
	}
	names := strings.Join(missing, ", ")
	o.logger.About(names).Warn("preflight request refused: Options.CORS.Headers lacks headers of the request, "+
		"which socket.io-client sends by its option extraHeaders", "missing", names, "origin", r.Header.Get("Origin"))
}
