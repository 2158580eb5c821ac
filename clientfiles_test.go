package socketio_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/clientbundle"
	"github.com/goroomcast/socketio/internal/testserver"
)

// ask makes a request with headers given as name and value in turn.
func ask(s *socketio.Server, method, url string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func expectHeaders(t *testing.T, w *httptest.ResponseRecorder, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := strings.Join(w.Result().Header.Values(name), ", "); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}

func TestClientBundle(t *testing.T) {
	s := socketio.NewServer(&socketio.Options{ServeClient: clientbundle.Files})
	for file, part := range map[string]string{
		"socket.io.js": "Socket.IO v", "socket.io.min.js": "Socket.IO v",
		"socket.io.esm.min.js": "export{", "socket.io.msgpack.min.js": "Socket.IO v",
		"socket.io.js.map": "engine.io-client", "socket.io.min.js.map": "engine.io-client",
		"socket.io.esm.min.js.map": "engine.io-client", "socket.io.msgpack.min.js.map": "notepack.io",
	} {
		t.Run(file, func(t *testing.T) {
			contentType := "application/javascript; charset=utf-8"
			if strings.HasSuffix(file, ".map") {
				contentType = "application/json; charset=utf-8"
			}
			plain := ask(s, "GET", "/socket.io/"+file+"?v=1")
			if plain.Code != http.StatusOK || !strings.Contains(plain.Body.String(), part) {
				t.Errorf("answered %d with %d bytes, want 200 with %q in it", plain.Code, plain.Body.Len(), part)
			}
			if strings.HasSuffix(file, ".map") && !json.Valid(plain.Body.Bytes()) {
				t.Error("not JSON")
			}
			expectHeaders(t, plain, map[string]string{
				"Content-Type": contentType, "Cache-Control": "public, max-age=0", "Vary": "Accept-Encoding", "Content-Encoding": "",
			})
			zipped := ask(s, "GET", "/socket.io/"+file, "Accept-Encoding", "gzip, deflate, br")
			expectHeaders(t, zipped, map[string]string{
				"Content-Type": contentType, "Cache-Control": "public, max-age=0", "Vary": "Accept-Encoding", "Content-Encoding": "gzip",
				"ETag": plain.Header().Get("ETag"),
			})
			z, err := gzip.NewReader(zipped.Body)
			if err != nil {
				t.Fatal(err)
			}
			if unzipped, err := io.ReadAll(z); err != nil || !bytes.Equal(unzipped, plain.Body.Bytes()) {
				t.Errorf("gzip has %d bytes, want the %d without (%v)", len(unzipped), plain.Body.Len(), err)
			}
			head := ask(s, "HEAD", "/socket.io/"+file)
			if head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != plain.Header().Get("ETag") {
				t.Errorf("HEAD answered %d, %d bytes, %v", head.Code, head.Body.Len(), head.Header())
			}
		})
	}
}

func TestClientFilesEncoding(t *testing.T) {
	s := socketio.NewServer(&socketio.Options{ServeClient: clientbundle.Files})
	for accepted, encoding := range map[string]string{
		"gzip": "gzip", "GZIP": "gzip", "br, gzip;q=0.5": "gzip", "deflate,gzip ; q=1": "gzip", "*": "gzip", "br, *;q=0.1": "gzip",
		"": "", "br": "", "identity": "", "gzip;q=0": "", "gzip; q=0.000, br": "", "gzip;q=much": "", "xgzip": "", "*;q=0": "", "identity, gzip;q=0.5": "",
	} {
		w := ask(s, "GET", "/socket.io/socket.io.min.js", "Accept-Encoding", accepted)
		if got := w.Header().Get("Content-Encoding"); got != encoding || w.Code != http.StatusOK {
			t.Errorf("Accept-Encoding %q: answered %d in %q, want 200 in %q", accepted, w.Code, got, encoding)
		}
	}
}

func TestClientFilesNotModified(t *testing.T) {
	s := socketio.NewServer(&socketio.Options{ServeClient: clientbundle.Files})
	const url = "/socket.io/socket.io.min.js"
	weak := ask(s, "GET", url).Header().Get("ETag")
	strong, isWeak := strings.CutPrefix(weak, "W/")
	if !isWeak || strong == ask(s, "GET", url+".map").Header().Get("ETag")[2:] {
		t.Fatalf("ETag %q is not weak or not the file's own", weak)
	}
	for tags, status := range map[string]int{
		weak: 304, strong: 304, `"other", ` + weak: 304, "*": 304,
		`"other"`: 200, `W/"4.8.4"`: 200, "": 200,
	} {
		for _, encoding := range []string{"gzip", "identity"} {
			w := ask(s, "GET", url, "If-None-Match", tags, "Accept-Encoding", encoding)
			if w.Code != status || (w.Body.Len() == 0) != (status == http.StatusNotModified) {
				t.Errorf("If-None-Match %s, %s: answered %d with %d bytes, want %d", tags, encoding, w.Code, w.Body.Len(), status)
			}
		}
	}
}

func TestClientFilesOrigins(t *testing.T) {
	s := socketio.NewServer(&socketio.Options{
		ServeClient: clientbundle.Files,
		CORS:        socketio.CORS{Origins: []string{"https://app.test"}, Credentials: true},
	})
	const url = "/socket.io/socket.io.esm.min.js"
	expectHeaders(t, ask(s, "GET", url, "Origin", "https://app.test"), map[string]string{
		"Access-Control-Allow-Origin": "https://app.test", "Access-Control-Allow-Credentials": "true", "Vary": "Origin, Accept-Encoding",
	})
	stranger := ask(s, "GET", url, "Origin", "https://stranger.test")
	expectHeaders(t, stranger, map[string]string{"Access-Control-Allow-Origin": "", "Vary": "Origin, Accept-Encoding"})
}

func TestClientFilesRefusals(t *testing.T) {
	const unknown = `{"code":0,"message":"Transport unknown"}`
	const missing = "404: no such file of the client is served (see Options.ServeClient)\n"
	const elsewhere = "404: Engine.IO is served at /socket.io/ (see Options.Path)\n"
	on := &socketio.Options{ServeClient: clientbundle.Files}
	for name, test := range map[string]struct {
		options *socketio.Options
		request string
		status  int
		body    string
	}{
		"an unknown file":         {on, "GET /socket.io/other.js", 400, unknown},
		"an unknown file of it":   {on, "GET /socket.io/socket.io.slim.js", 404, missing},
		"the compressed name":     {on, "GET /socket.io/socket.io.min.js.gz", 400, unknown},
		"a directory below":       {on, "GET /socket.io/dist/socket.io.min.js", 400, unknown},
		"a way out":               {on, "GET /socket.io/../clientbundle/socket.io.min.js", 400, unknown},
		"another method":          {on, "POST /socket.io/socket.io.min.js", 400, unknown},
		"another path":            {on, "GET /socket.io.min.js", 404, elsewhere},
		"a path that only begins": {on, "GET /socket.iox/socket.io.min.js", 404, elsewhere},
		"a client's request":      {on, "GET /socket.io/other.js?transport=pigeon", 400, unknown},
		"switched off":            {nil, "GET /socket.io/socket.io.min.js", 404, missing},
		"another file, off":       {nil, "GET /socket.io/other.js", 400, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			method, url, _ := strings.Cut(test.request, " ")
			if w := ask(socketio.NewServer(test.options), method, url); w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("answered %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
		})
	}
}

// Files of a user's own need not be compressed, and nothing else of their
// directory is served.
func TestClientFilesOfTheirOwn(t *testing.T) {
	for _, path := range []string{"/chat/io/", "/chat/io"} {
		s := socketio.NewServer(&socketio.Options{Path: path, ServeClient: fstest.MapFS{
			"client.js":     {Data: []byte("plain")},
			"secret.txt":    {Data: []byte("secret")},
			"broken.js.gz":  {Data: []byte("not gzip")},
			"folder.js/a.b": {Data: []byte("a")},
		}})
		for file, status := range map[string]int{"client.js": 200, "secret.txt": 400, "folder.js": 400, "": 400, "broken.js": 500} {
			if w := ask(s, "GET", "/chat/io/"+file); w.Code != status {
				t.Errorf("%q answered %d, want %d", file, w.Code, status)
			}
		}
		w := ask(s, "GET", "/chat/io/client.js", "Accept-Encoding", "gzip")
		if w.Body.String() != "plain" {
			t.Errorf("answered %q", w.Body)
		}
		expectHeaders(t, w, map[string]string{"Content-Encoding": "", "Content-Type": "application/javascript; charset=utf-8"})
	}
}

// Five of twelve ported programs load the client from their server, as from
// Node's.
func TestAClientThatIsNotServedIsOneLine(t *testing.T) {
	for name, test := range map[string]struct {
		options socketio.Options
		url     string
		parts   []string
	}{
		"none is served": {socketio.Options{}, "/socket.io/socket.io.js", []string{
			"Options.ServeClient: clientbundle.Files", "github.com/goroomcast/socketio/clientbundle", "path=/socket.io/socket.io.js",
		}},
		"none is served at a path of the program's own": {socketio.Options{Path: "/"}, "/chat/socket.io.min.js", []string{
			"Options.ServeClient: clientbundle.Files", "path=/chat/socket.io.min.js",
		}},
		"the file is not there": {socketio.Options{ServeClient: fstest.MapFS{}}, "/socket.io/socket.io.js", []string{
			"Options.ServeClient does not contain", "path=/socket.io/socket.io.js",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var log testserver.LogBook
			test.options.Logger = log.Logger()
			io := socketio.NewServer(&test.options)
			for range 3 {
				if w := ask(io, "GET", test.url); w.Code != http.StatusNotFound {
					t.Errorf("answered %d, want 404", w.Code)
				}
			}
			log.ExpectOne(t, "level=WARN", test.parts...)
		})
	}
}
