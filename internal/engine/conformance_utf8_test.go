package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/goroomcast/socketio/internal/engine"
)

func utf8Cases() []conformanceCase {
	const greek = "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!"
	const broken = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
	bytewise := func(s string) (frames [][]byte) {
		frames = append(frames, frame(1, s[:1]))
		for i := 1; i < len(s)-1; i++ {
			frames = append(frames, frame(0, s[i:i+1]))
		}
		return append(frames, frame(fin, s[len(s)-1:]))
	}
	cases := []conformanceCase{
		{"6.1.1 empty", [][]byte{text("4")}, 0, []string{"text 4"}},
		{"6.1.2 three fragments, two of them empty", [][]byte{frame(1, "4"), frame(0, ""), frame(fin, "")}, 0, []string{"text 4"}},
		{"6.1.3 text between empty fragments", [][]byte{frame(1, ""), frame(0, "4middle"), frame(fin, "")}, 0, []string{"text 4middle"}},
		{"6.2.2 cut between code points", [][]byte{frame(1, "4Hello-\xc2\xb5@"), frame(fin, "\xc3\x9f")}, 0, []string{"text 4Hello-\xc2\xb5@\xc3\x9f"}},
		{"6.2.3 cut everywhere", bytewise("4" + greek), 0, []string{"text 4" + greek}},
		{"6.3.2 not UTF-8, cut everywhere", bytewise("4" + broken), 0, []string{"close 1007"}},
	}
	for number, valid := range map[string]string{
		"6.2.1": greek,
		"6.5":   "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5",
		"6.7":   "\x00",
		"6.9":   "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
		"6.11":  "\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbd\xf4\x8f\xbf\xbf",
		"6.22":  "\xef\xbf\xbe\xf0\x9f\xbf\xbe\xf4\x8f\xbf\xbf",
		"6.23":  "\xef\xbf\xb9\xef\xbf\xbd",
	} {
		cases = append(cases, conformanceCase{number + " UTF-8", [][]byte{text("4" + valid)}, 0, []string{"text 4" + valid}})
	}
	for number, invalid := range map[string][]string{
		"6.3.1": {broken},
		"6.6":   {"\xce", "\xce\xba\xe1", "\xce\xba\xe1\xbd", "\xce\xba\xe1\xbd\xb9\xcf"},
		"6.8":   {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		"6.10":  {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		"6.12":  {"\x80", "\xbf"},
		"6.13":  {"\x80\xbf\x80", strings.Repeat("\xbf", 12)},
		"6.14":  {"\xc0 \xdf ", "\xe0 \xef ", "\xf0 \xf7 ", "\xfc \xfd "},
		"6.15":  {"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf"},
		"6.16":  {"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		"6.17":  {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf"},
		"6.18":  {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf"},
		"6.19":  {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80"},
		"6.20":  {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		"6.21":  {"\xed\xa0\x80\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"},
	} {
		for i, s := range invalid {
			cases = append(cases, conformanceCase{
				fmt.Sprintf("%s.%d not UTF-8", number, i+1), [][]byte{text("4" + s)}, 0, []string{"close 1007"},
			})
		}
	}
	return cases
}

// Autobahn's 9.1 to 9.6: sizes up to the limit, in one frame, in fragments,
// and written in chunks; one byte more is refused.
func TestConformanceOfLimits(t *testing.T) {
	const limit = 1_000_000
	everywhere(t, nil, func(h *harness) {
		for _, size := range []int{64 << 10, limit} {
			w, _ := h.wireSession()
			message := "4" + strings.Repeat("x", size-1)
			for _, chunk := range []int{0, 32 << 10, 2048} {
				go w.write(text(message), chunk)
				w.expect("text " + message)
				go w.write(binaryFrame(message), chunk)
				w.expect("binary " + message)
			}
			for _, piece := range []int{1 << 10, 64 << 10} {
				go w.write(fragments(message, piece), 0)
				w.expect("text " + message)
			}
		}
		for _, tooLong := range [][]byte{
			text("4" + strings.Repeat("x", limit)),
			fragments("4"+strings.Repeat("x", limit), 64<<10),
		} {
			w, r := h.wireSession()
			go w.write(tooLong, 0)
			w.expect("close 1009")
			h.expectClosed(r, engine.ReasonTransportError)
		}
	})
}

// fragments is a text in frames of up to size bytes, with a ping in between:
// control frames do not count.
func fragments(message string, size int) (data []byte) {
	data = append(data, frame(1, message[:size])...)
	for message = message[size:]; len(message) > size; message = message[size:] {
		data = append(data, frame(0, message[:size])...)
	}
	data = append(data, frame(fin|10, strings.Repeat("p", 125))...)
	return append(data, frame(fin, message)...)
}
