// Package golden holds what npm's cluster adapters and emitters wrote on Redis
// and PostgreSQL, for tests. recorded contains one file for each configuration,
// and one JSON object on each line, in the order in which things happened.
//
// Servers A and B and an emitter were recorded, with two clients at each server.
// The recorded versions and options are in each file. Ids are random: those of
// servers, requests, sockets and sessions.
package golden

import (
	"compress/gzip"
	"embed"
	"encoding/hex"
	"encoding/json"
	"io"
	"path"
	"strings"
	"testing"
)

//go:embed recorded
var recorded embed.FS

// A Line is one recorded command.
type Line struct {
	File      string // without its extension
	Number    int    // from 1
	Adapter   string
	Options   map[string]any
	Operation string // the JavaScript that ran on A, or what happened
	From      string // A, B, emitter, or ? if unknown
	Command   string // PUBLISH, SPUBLISH, XADD, SET, NOTIFY, …
	Channel   string
	Stream    string
	Key       string
	Arguments []string          // of other commands, and the options of XADD and SET
	Fields    map[string]string // of a stream's entry
	Encoding  string            // json, msgpack, base64 of msgpack
	Note      string

	// Payload is what was sent: of a stream's entry the field data.
	Payload []byte

	// Attachment is the content of the row of a table that the payload points to.
	Attachment []byte
}

// Read returns the lines of the files with this prefix, of all with "redis-".
func Read(t testing.TB, prefix string) []Line {
	t.Helper()
	var lines []Line
	files, err := recorded.ReadDir("recorded")
	for _, file := range files {
		if strings.HasPrefix(file.Name(), prefix) {
			lines = append(lines, readFile(t, file.Name())...)
		}
	}
	if err != nil || len(lines) == 0 {
		t.Fatalf("no recorded lines of %s: %v", prefix, err)
	}
	return lines
}

func readFile(t testing.TB, name string) (lines []Line) {
	t.Helper()
	f, err := recorded.Open(path.Join("recorded", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for d := json.NewDecoder(unzipped); ; {
		var l struct {
			Line
			PayloadHex string `json:"payload_hex"`
			Attachment struct {
				PayloadHex string `json:"payload_hex"`
			}
		}
		if err := d.Decode(&l); err == io.EOF {
			return lines
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		l.File, _, _ = strings.Cut(name, ".")
		l.Number = len(lines) + 1
		l.Payload = bytesOf(t, l.PayloadHex)
		l.Line.Attachment = bytesOf(t, l.Attachment.PayloadHex)
		lines = append(lines, l.Line)
	}
}

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	if text == "" {
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
