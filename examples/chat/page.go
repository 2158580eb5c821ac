package main

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// dist is what Vite makes of web/: until then there is only a placeholder.
//
//go:embed all:web/dist
var dist embed.FS

var builtPage, _ = fs.Sub(dist, "web/dist")

// contentPolicy lets the page load what this server has and show pictures that
// are not sent yet, and connect to this server alone.
const contentPolicy = "default-src 'self'; img-src 'self' blob: data:; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; object-src 'none'"

func servePage(page fs.FS) http.Handler {
	if _, err := fs.Stat(page, "index.html"); err != nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "The page has not been built. Run: make chat", http.StatusServiceUnavailable)
		})
	}
	files := http.FileServerFS(page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && strings.HasSuffix(r.URL.Path, "/") { // a folder, which would be listed
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache")
		if strings.HasPrefix(r.URL.Path, "/assets/") { // named by their content
			h.Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		files.ServeHTTP(w, r)
	})
}
