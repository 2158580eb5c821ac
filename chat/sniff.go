package chat

import (
	"bytes"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// sniffed is how many bytes of a content decide about its type.
const sniffed = 512

// shown are the types that browsers show. Files of other types are saved,
// whatever they are: an SVG and a page of HTML may contain scripts.
var shown = []string{
	"image/png", "image/jpeg", "image/gif", "image/webp", "image/avif",
	"video/mp4", "video/webm", "audio/mpeg", "application/ogg",
}

// typeOf returns the media type of a content by its first bytes. The type that
// the client names does not count.
func typeOf(head []byte) string {
	switch {
	case len(head) >= 12 && string(head[4:8]) == "ftyp" && slices.Contains([]string{"avif", "avis"}, string(head[8:12])):
		return "image/avif"
	case len(head) >= 2 && head[0] == 0xff && slices.Contains([]byte{0xfb, 0xfa, 0xf3, 0xf2}, head[1]): // a frame of MP3
		return "audio/mpeg"
	case isSVG(head):
		return "image/svg+xml"
	}
	t, _, err := mime.ParseMediaType(http.DetectContentType(head))
	if err != nil {
		return "application/octet-stream"
	}
	return t
}

// isSVG reports whether an element svg is among the first bytes of a text.
func isSVG(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, "\ufeff\t\r\n "), []byte("<")) && bytes.Contains(head, []byte("<svg"))
}

// maxName is how many bytes the name of a file has at most.
const maxName = 200

// nameOf returns the name of a file: the last part of the path that a client
// sends, without characters that are invisible or change the direction of others.
// All kinds of spaces become the usual one.
func nameOf(s string) string {
	s = path.Base(strings.ReplaceAll(strings.ToValidUTF8(s, ""), `\`, "/"))
	s = strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case unicode.Is(unicode.Zs, c):
			return ' '
		case !unicode.IsPrint(c):
			return -1
		}
		return c
	}, s))
	s = shorten(s)
	if strings.Trim(s, "./ ") == "" {
		return "file"
	}
	return s
}

// shorten returns a name of at most maxName bytes. A short ending, as ".pdf",
// stays, because systems open a file by it.
func shorten(s string) string {
	if len(s) <= maxName {
		return s
	}
	const longestEnding = 16
	ending := path.Ext(s)
	if len(ending) > longestEnding {
		ending = ""
	}
	for s = strings.TrimSuffix(s, ending); len(s)+len(ending) > maxName; {
		_, n := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-n]
	}
	return s + ending
}

// disposition returns the header that says whether a browser shows a file.
func disposition(f *Attachment) string {
	how := "attachment"
	if slices.Contains(shown, f.Type) {
		how = "inline"
	}
	if v := mime.FormatMediaType(how, map[string]string{"filename": f.Name}); v != "" {
		return v
	}
	return how
}
