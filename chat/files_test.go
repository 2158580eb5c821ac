package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/goroomcast/socketio/chat"
	"github.com/goroomcast/socketio/chat/store"
	"github.com/goroomcast/socketio/internal/testserver"
)

const png = "\x89PNG\r\n\x1a\n and so on"

// A fileWorld is a world with files in a folder.
type fileWorld struct {
	*world
	dir   string
	blobs *faultyBlobs
	files http.Handler

	closeUpload func() error
}

// withFiles runs f with files, and expects that no file is in the folder without
// a row in the store, and that all have been closed.
func withFiles(t *testing.T, change func(o *chat.Options), f func(w *fileWorld)) {
	t.Helper()
	run(t, change, func(w *world) { f(addFiles(w)) })
}

func addFiles(w *world) *fileWorld {
	dir := w.TempDir() + "/files"
	blobs := &faultyBlobs{Blobs: chat.Dir(dir)}
	return &fileWorld{world: w, dir: dir, blobs: blobs, files: w.chat.Files(blobs, userOf)}
}

// userOf takes the user from a header.
func userOf(r *http.Request) (chat.User, error) {
	switch user := r.Header.Get("User"); user {
	case "":
		return chat.User{}, errors.New("no user")
	case "away":
		return chat.User{}, chat.ErrUnavailable
	case "panic":
		panic("auth")
	default:
		return chat.User{ID: user}, nil
	}
}

// request makes a request of a user. Header has names and values in turn.
func (w *fileWorld) request(user, method, url string, body io.Reader, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, url, body)
	r.Header.Set("User", user)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	w.files.ServeHTTP(rec, r)
	return rec
}

// A fileReply is the answer to an upload, or an error.
type fileReply struct {
	chat.Attachment
	SHA256 string
	Error  string
	Data   struct {
		Code, Field string
		Limit       int
		After       int64
	}
}

func (w *fileWorld) post(user, name, content string) (int, fileReply) {
	w.Helper()
	return w.reply(w.request(user, "POST", "/files?name="+name, strings.NewReader(content)))
}

func (w *fileWorld) reply(rec *httptest.ResponseRecorder) (int, fileReply) {
	w.Helper()
	var r fileReply
	if err := json.Unmarshal(rec.Body.Bytes(), &r); err != nil || rec.Header().Get("Content-Type") != "application/json" {
		w.Fatalf("status %d, %s %q: %v", rec.Code, rec.Header(), rec.Body, err)
	}
	return rec.Code, r
}

// upload uploads a file.
func (w *fileWorld) upload(user, content string) chat.Attachment {
	w.Helper()
	status, r := w.post(user, "a.png", content)
	if status != http.StatusCreated {
		w.Fatalf("status %d, %+v", status, r)
	}
	return r.Attachment
}

// gets expects what a user gets by a GET: a status and, unless it is 200, a code.
func (w *fileWorld) gets(user, id, want string) {
	w.Helper()
	rec := w.request(user, "GET", "/files/"+id, nil)
	got := fmt.Sprint(rec.Code)
	if rec.Code != http.StatusOK {
		_, r := w.reply(rec)
		got += " " + r.Data.Code
	} else if rec.Body.String() != png {
		w.Errorf("%s has got %q", user, rec.Body)
	}
	if got != want {
		w.Errorf("%s gets %s, want %s", user, got, want)
	}
}

// left returns how many files are in the folder, and how many rows there are
// that no message has.
func (w *fileWorld) left() string {
	w.Helper()
	entries, err := os.ReadDir(w.dir)
	if err != nil && !os.IsNotExist(err) {
		w.Fatal(err)
	}
	strays, err := w.store.Strays(ctx, 1<<60, "", 1000)
	w.check(err)
	return fmt.Sprint(len(entries), " files, ", len(strays), " rows")
}

func (w *fileWorld) leaves(want string) {
	w.Helper()
	if got := w.left(); got != want {
		w.Errorf("left %s, want %s", got, want)
	}
}

func withFile(room, cid string, ids ...string) obj {
	return obj{"room": room, "cid": cid, "files": ids}
}

func TestMessageWithFile(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.room("r", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		bob.open("r")
		status, r := w.post("ann", "holiday.png", png)
		if want := (chat.Attachment{ID: r.ID, Name: "holiday.png", Type: "image/png", Size: int64(len(png))}); status != 201 || r.Attachment != want || len(r.ID) < 26 || len(r.SHA256) != 64 {
			w.Fatalf("status %d, %+v", status, r)
		}
		m := ann.must("post", withFile("r", "c", r.ID))
		bob.wait("the message", func() bool { return len(bob.views["r"].rows) == 1 })
		if got := bob.views["r"].rows[1].Files; !slices.Equal(got, []chat.Attachment{r.Attachment}) {
			w.Errorf("files %+v", got)
		}
		ann.must("edit", obj{"room": "r", "seq": 1, "ver": m.Rev, "text": "a caption"})
		bob.shows("r", "a caption")
		edited := ann.must("history", obj{"room": "r"}).Messages[0]
		ann.must("edit", obj{"room": "r", "seq": 1, "ver": edited.Ver, "text": ""})
		bob.shows("r", "")
		if got := bob.views["r"].rows[1].Files; !slices.Equal(got, []chat.Attachment{r.Attachment}) {
			w.Errorf("files after edits %+v", got)
		}
		w.gets("bob", r.ID, "200")
		if last := w.connect("bob").ready.Rooms[0].Last; last == nil || last.Files != 1 {
			w.Errorf("the list of rooms shows %+v", last)
		}
		posted, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Files: []string{w.upload("bob", png).ID}})
		if err != nil || len(posted.Files) != 1 {
			w.Errorf("posted %+v, %v", posted, err)
		}
	})
}

// TestFilesThatCanNotBePosted posts files that are foreign, used, repeated or too
// many.
func TestFilesThatCanNotBePosted(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.room("r", chat.Open, "ann", "bob")
		w.room("s", chat.Open, "ann", "bob")
		ann, bob := w.connect("ann"), w.connect("bob")
		file := w.upload("ann", png).ID
		refused := func(s *stock, code string, arg obj) {
			w.Helper()
			if r := s.refusedWith(code, "post", arg); r.Data.Field != "files" {
				w.Errorf("field %q", r.Data.Field)
			}
		}
		refused(bob, "not_found", withFile("r", "c", file))
		refused(ann, "not_found", withFile("r", "c", "nosuchfile"))
		refused(ann, "bad_request", withFile("r", "c", file, file))
		refused(ann, "bad_request", withFile("r", "c", file, ""))
		refused(ann, "too_large", withFile("r", "c", slices.Repeat([]string{file}, 11)...))
		w.gets("bob", file, "404 not_found")
		first := ann.must("post", withFile("r", "c", file))
		if again := ann.must("post", withFile("r", "c", file)); !again.Dup || again.Seq != first.Seq {
			w.Errorf("the repetition: %+v", again)
		}
		refused(ann, "conflict", withFile("r", "d", file))
		refused(ann, "conflict", withFile("s", "d", file))
		refused(bob, "not_found", withFile("r", "d", file))
		ann.must("delete", obj{"room": "r", "seq": 1})
		refused(ann, "not_found", withFile("r", "d", file))
		if _, err := w.chat.Room("r").Post(ctx, "bob", chat.Draft{Files: []string{w.upload("ann", png).ID}}); !errors.Is(err, chat.ErrNotFound) {
			w.Errorf("posted in the name of another: %v", err)
		}
	})
}

// TestWhoMayReadFiles asks for the file of a message in all states of a user.
func TestWhoMayReadFiles(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.room("open", chat.Open, "ann")
		w.room("closed", chat.Closed, "ann", "bob", "rita")
		ann := w.connect("ann")
		in := func(room string) string {
			file := w.upload("ann", png).ID
			w.gets("ann", file, "200") // before it is posted
			w.gets("bob", file, "404 not_found")
			ann.must("post", withFile(room, file, file))
			w.gets("ann", file, "200")
			w.gets("", file, "401 unauthenticated")
			return file
		}
		inOpen, inClosed := in("open"), in("closed")
		w.gets("stranger", inOpen, "200")
		w.gets("stranger", inClosed, "404 not_found")
		w.gets("bob", inClosed, "200")
		closed := w.chat.Room("closed")
		w.check(closed.SetRole(ctx, "rita", chat.Reader))
		w.gets("rita", inClosed, "200")
		inThread := in("closed~1")
		w.gets("rita", inThread, "200")

		w.check(closed.Kick(ctx, "bob", ""))
		w.gets("bob", inClosed, "404 not_found")
		w.gets("bob", inThread, "404 not_found")
		w.check(closed.Add(ctx, "bob", chat.Writer))
		w.gets("bob", inClosed, "200")
		w.check(closed.Ban(ctx, "bob", ""))
		w.gets("bob", inClosed, "404 not_found")
		w.check(w.chat.Room("open").Ban(ctx, "bob", ""))
		w.gets("bob", inOpen, "403 banned")

		direct := ann.must("direct", obj{"user": "rita"}).Room
		between := in(direct)
		w.gets("rita", between, "200")
		w.gets("stranger", between, "404 not_found")

		ann.must("delete", obj{"room": "open", "seq": 1})
		w.gets("ann", inOpen, "404 not_found")
		w.gets("stranger", inOpen, "404 not_found")
		w.check(closed.Delete(ctx))
		for _, file := range []string{inClosed, inThread} {
			w.gets("ann", file, "404 not_found")
		}
		w.gets("ann", between, "200")
	})
}

// Who has joined later sees no file of an earlier message where that is hidden.
func TestFilesFromBeforeOneHasJoined(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		w.check(w.chat.Room("r").Create(ctx, chat.RoomInfo{Kind: chat.Closed, Visibility: chat.VisibleJoined}))
		w.check(w.chat.Room("r").Add(ctx, "ann", chat.Writer))
		ann := w.connect("ann")
		var ids []string
		for _, room := range []string{"r", "r~1", "r"} {
			ids = append(ids, w.upload("ann", png).ID)
			ann.must("post", withFile(room, ids[len(ids)-1], ids[len(ids)-1]))
			if len(ids) == 2 {
				w.check(w.chat.Room("r").Add(ctx, "bob", chat.Writer))
			}
		}
		w.gets("bob", ids[0], "404 not_found")
		w.gets("bob", ids[1], "404 not_found")
		w.gets("bob", ids[2], "200")
		w.check(w.chat.Room("r").Kick(ctx, "bob", ""))
		w.check(w.chat.Room("r").Add(ctx, "bob", chat.Writer))
		w.gets("bob", ids[2], "404 not_found")
		w.gets("ann", ids[0], "200")
	})
}

// TestPolicyOfFiles lets the program forbid to read a room.
func TestPolicyOfFiles(t *testing.T) {
	withFiles(t, func(o *chat.Options) {
		o.Policy.CanRead = func(_ context.Context, u chat.User, _ chat.RoomInfo) error {
			if u.ID == "bob" {
				return chat.Refuse("pay first")
			}
			return nil
		}
	}, func(w *fileWorld) {
		w.room("r", chat.Open, "ann", "bob")
		file := w.upload("ann", png).ID
		w.connect("ann").must("post", withFile("r", "c", file))
		w.gets("bob", file, "403 refused")
		w.gets("ann", file, "200")
	})
}

// TestHowFilesAreSent looks at the headers, and asks for parts.
func TestHowFilesAreSent(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		_, r := w.post("ann", "p.png", png)
		rec := w.request("ann", "GET", "/files/"+r.ID, nil)
		for name, want := range map[string]string{
			"X-Content-Type-Options":  "nosniff",
			"Content-Security-Policy": "sandbox; default-src 'none'",
			"Content-Type":            "image/png",
			"Content-Disposition":     "inline; filename=p.png",
			"Cache-Control":           "private, no-cache",
			"Content-Length":          fmt.Sprint(len(png)),
			"Accept-Ranges":           "bytes",
			"Etag":                    `"` + r.SHA256 + `"`,
		} {
			if got := rec.Header().Get(name); got != want {
				w.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if rec := w.request("ann", "GET", "/files/"+r.ID, nil, "Range", "bytes=1-3"); rec.Code != http.StatusPartialContent || rec.Body.String() != "PNG" {
			w.Errorf("a part: %d %q", rec.Code, rec.Body)
		}
		if rec := w.request("ann", "GET", "/files/"+r.ID, nil, "Range", "bytes=99-"); rec.Code != http.StatusRequestedRangeNotSatisfiable {
			w.Errorf("a part that is not there: %d", rec.Code)
		}
		if rec := w.request("ann", "HEAD", "/files/"+r.ID, nil); rec.Code != 200 || rec.Body.Len() > 0 || rec.Header().Get("Content-Length") == "" {
			w.Errorf("HEAD: %d %s", rec.Code, rec.Header())
		}
		known := []string{"If-None-Match", `"` + r.SHA256 + `"`}
		if rec := w.request("ann", "GET", "/files/"+r.ID, nil, known...); rec.Code != http.StatusNotModified {
			w.Errorf("a known file: %d", rec.Code)
		}
		if rec := w.request("bob", "GET", "/files/"+r.ID, nil, known...); rec.Code != http.StatusNotFound {
			w.Errorf("a known file of another: %d", rec.Code)
		}
	})
}

// TestTypesOfFiles uploads files of many types under wrong names. Browsers show
// only those that can do no harm.
func TestTypesOfFiles(t *testing.T) {
	box := func(brand string) string { return "\x00\x00\x00\x18ftyp" + brand + "\x00\x00\x00\x00mp42isom" }
	for _, f := range []struct {
		name, content, media string
		shown                bool
	}{
		{"png", png, "image/png", true},
		{"jpeg", "\xff\xd8\xff\xe0", "image/jpeg", true},
		{"gif", "GIF89a", "image/gif", true},
		{"webp", "RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp", true},
		{"avif", box("avif"), "image/avif", true},
		{"mp4", box("isom"), "video/mp4", true},
		{"webm", "\x1a\x45\xdf\xa3", "video/webm", true},
		{"mp3 with tags", "ID3\x04", "audio/mpeg", true},
		{"mp3", "\xff\xfb\x90\x64", "audio/mpeg", true},
		{"ogg", "OggS\x00", "application/ogg", true},
		{"svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`, "image/svg+xml", false},
		{"svg with a prologue", "\ufeff<?xml version=\"1.0\"?>\n<svg><script>alert(1)</script></svg>", "image/svg+xml", false},
		{"html", "<!DOCTYPE html><script>alert(1)</script>", "text/html", false},
		{"html after spaces", "  \n<ScRiPt>alert(1)</script>", "text/html", false},
		{"xml", "<?xml version=\"1.0\"?><x/>", "text/xml", false},
		{"text", "hello", "text/plain", false},
		{"utf-16", "\xff\xfeh\x00", "text/plain", false},
		{"pdf", "%PDF-1.7", "application/pdf", false},
		{"empty", "", "text/plain", false},
		{"unknown", "\x00\x01\x02", "application/octet-stream", false},
	} {
		t.Run(f.name, func(t *testing.T) {
			withFiles(t, nil, func(w *fileWorld) {
				rec := w.request("ann", "POST", "/files?name=cat.png", strings.NewReader(f.content), "Content-Type", "image/png")
				status, r := w.reply(rec)
				if status != 201 || r.Type != f.media || r.Size != int64(len(f.content)) {
					w.Errorf("status %d, %+v, want type %s", status, r, f.media)
				}
				h := w.request("ann", "GET", "/files/"+r.ID, nil).Header()
				want := []string{"application/octet-stream", "attachment; filename=cat.png"}
				if f.shown {
					want = []string{f.media, "inline; filename=cat.png"}
				}
				if got := []string{h.Get("Content-Type"), h.Get("Content-Disposition")}; !slices.Equal(got, want) {
					w.Errorf("sent as %q, want %q", got, want)
				}
			})
		})
	}
}

func TestNamesOfFiles(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		for given, want := range map[string]string{
			"a.png": "a.png", "": "file", ".": "file", "..": "file", "%20/%20": "file", "%ff%fe": "file",
			"../../etc/passwd": "passwd", "C:%5Cboot.ini": "boot.ini", "n%C3%A4h%20%F0%9F%98%80.txt": "näh 😀.txt",
			"a%E2%80%AEgpj.exe": "agpj.exe", "a%0D%0ASet-Cookie:%20x.txt": "aSet-Cookie: x.txt", "a%00b": "ab", "%22q%22;x.txt": `"q";x.txt`,
			strings.Repeat("%C3%A4", 300): strings.Repeat("ä", 100), strings.Repeat("%C3%A4", 300) + ".tar.gz": strings.Repeat("ä", 98) + ".gz",
			strings.Repeat("a.", 300): strings.Repeat("a.", 99) + "a.", "x." + strings.Repeat("y", 300): "x." + strings.Repeat("y", 198),
			"1.02.03%E2%80%AFPM.png": "1.02.03 PM.png", "%E3%81%82%E3%80%80%E3%81%84": "あ い",
		} {
			rec := w.request("ann", "POST", "/files?name="+strings.ReplaceAll(given, ";", "%3B"), strings.NewReader("x"))
			_, r := w.reply(rec)
			if r.Name != want {
				w.Errorf("%q became %q, want %q", given, r.Name, want)
			}
			disposition := w.request("ann", "GET", "/files/"+r.ID, nil).Header().Get("Content-Disposition")
			if _, params, err := mime.ParseMediaType(disposition); err != nil || params["filename"] != want {
				w.Errorf("%q is sent as %q: %v", given, disposition, err)
			}
		}
	})
}

// TestStatuses looks at the status, the code and the headers of errors.
func TestStatuses(t *testing.T) {
	withFiles(t, nil, func(w *fileWorld) {
		for _, c := range []struct{ user, method, want, header string }{
			{"", "POST", "401 unauthenticated", ""},
			{"*", "POST", "401 unauthenticated", ""},
			{strings.Repeat("u", 129), "GET", "401 unauthenticated", ""},
			{"away", "GET", "503 unavailable", "Retry-After: 1"},
			{"panic", "GET", "500 internal", ""},
			{"ann", "PUT", "405 bad_request", "Allow: GET, HEAD, POST"},
			{"ann", "GET", "404 not_found", ""},
		} {
			rec := w.request(c.user, c.method, "/files/x", bytes.NewReader(nil))
			status, r := w.reply(rec)
			if got := fmt.Sprint(status, " ", r.Data.Code); got != c.want || r.Error == "" {
				w.Errorf("%s by %q: %s %q, want %s", c.method, c.user, got, r.Error, c.want)
			}
			if name, value, is := strings.Cut(c.header, ": "); is && rec.Header().Get(name) != value {
				w.Errorf("%s by %q: header %s", c.method, c.user, rec.Header())
			}
		}
		w.store.Close()
		if status, r := w.post("ann", "x", "x"); status != 503 || r.Data.After <= 0 {
			w.Errorf("without a store: %d %+v", status, r)
		}
		w.gets("ann", "x", "503 unavailable")
	})
	withFiles(t, func(o *chat.Options) { o.Limits.Changes = chat.Rate{PerSecond: 1, Burst: 2} }, func(w *fileWorld) {
		w.upload("ann", "x")
		w.upload("ann", "x")
		rec := w.request("ann", "POST", "/files", strings.NewReader("x"))
		if status, r := w.reply(rec); status != 429 || r.Data.Code != "rate_limited" || rec.Header().Get("Retry-After") != "2" {
			w.Errorf("over the rate: %d %+v %s", status, r, rec.Header())
		}
		w.upload("bob", "x")
	})
}

// Files go with what they belong to, at the next sweep.
func TestFilesGo(t *testing.T) {
	for name, end := range map[string]func(w *fileWorld, ann *stock){
		"deleted": func(_ *fileWorld, ann *stock) { ann.must("delete", obj{"room": "r", "seq": 1}) },
		"purged": func(w *fileWorld, _ *stock) {
			w.connect("mod").must("ban", obj{"room": "r", "user": "ann", "purge": 1_000_000})
		},
		"the room is deleted": func(w *fileWorld, _ *stock) { w.check(w.chat.Room("r").Delete(ctx)) },
		"too old": func(w *fileWorld, _ *stock) {
			_, err := w.store.Commit(ctx, []store.Op{store.Post{Room: "r", Author: "bot", Text: "x"}, store.Prune{Room: "r", Keep: store.Keep{Count: 1}}})
			w.check(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			withFiles(t, nil, func(w *fileWorld) {
				w.room("r", chat.Open, "ann")
				w.check(w.chat.Room("r").Add(ctx, "mod", chat.Moderator))
				ann := w.connect("ann")
				ann.must("post", withFile("r", "c", w.upload("ann", png).ID))
				testserver.Wait(3 * time.Minute)
				w.leaves("1 files, 0 rows")
				end(w, ann)
				testserver.Wait(time.Minute + time.Second)
				w.leaves("0 files, 0 rows")
			})
		})
	}
}

// strictFiles is a store that fails for ids that a database can not take.
type strictFiles struct{ store.Store }

func (s strictFiles) File(ctx context.Context, id string) (*store.File, error) {
	if !utf8.ValidString(id) || strings.ContainsRune(id, 0) || len(id) > 64 {
		return nil, fmt.Errorf("invalid text %q", id)
	}
	return s.Store.File(ctx, id)
}

// TestIDsThatNoFileHas asks for files by texts that are no ids.
func TestIDsThatNoFileHas(t *testing.T) {
	withFiles(t, func(o *chat.Options) { o.Store = strictFiles{o.Store} }, func(w *fileWorld) {
		for _, id := range []string{"", "%00", "a%00b", "%ff", "..%2f..%2fetc", strings.Repeat("a", 5000), "a%20b"} {
			w.gets("ann", id, "404 not_found")
		}
	})
}
