package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The cases of the Autobahn test suite for RFC 6455, by its numbers. A text
// frame carries an Engine.IO packet here, so texts begin with "4"; where a
// case is about an empty text it is "4" alone.
//
// Left out: 6.4.*, which ask to fail before an invalid text is complete (it is
// refused when it is), and 7.1.6 and 9.7/9.8, which measure time.
type conformanceCase struct {
	number string
	send   [][]byte
	chunk  int // bytes sent at a time
	want   []string
}

func TestConformance(t *testing.T) {
	cases := slices.Concat(framingCases(), controlCases(), reservedCases(), fragmentCases(), utf8Cases(), closeCases())
	for _, c := range cases {
		t.Run(c.number, func(t *testing.T) {
			run(t, nil, func(h *harness) {
				w, _ := h.wireSession()
				go w.write(slices.Concat(c.send...), c.chunk)
				w.expect(c.want...)
				if last := c.want[len(c.want)-1]; strings.HasPrefix(last, "close") {
					w.expect("end")
				} else {
					w.write(closing(1000, ""), 0)
					w.expect("close 1000", "end")
				}
			})
		})
	}
}

func framingCases() (cases []conformanceCase) {
	for i, n := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
		chunk := 0
		if i == 7 {
			chunk = 997
		}
		message := "4" + strings.Repeat("*", max(n-1, 0))
		cases = append(cases,
			conformanceCase{fmt.Sprintf("1.1.%d text of %d", i+1, n), [][]byte{text(message)}, chunk, []string{"text " + message}})
		message = strings.Repeat("\xfe", n)
		cases = append(cases,
			conformanceCase{fmt.Sprintf("1.2.%d binary of %d", i+1, n), [][]byte{binaryFrame(message)}, chunk, []string{"binary " + message}})
	}
	return cases
}

func controlCases() []conformanceCase {
	long := strings.Repeat("\xfe", 125)
	tenPings, tenPongs := [][]byte{}, []string{}
	for i := range 10 {
		payload := fmt.Sprint("payload-", i)
		tenPings = append(tenPings, ping(payload))
		tenPongs = append(tenPongs, "pong "+payload)
	}
	return []conformanceCase{
		{"2.1 ping", [][]byte{ping("")}, 0, []string{"pong "}},
		{"2.2 ping with a text", [][]byte{ping("Hello, world!")}, 0, []string{"pong Hello, world!"}},
		{"2.3 ping with bytes", [][]byte{ping("\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, 0, []string{"pong \x00\xff\xfe\xfd\xfc\xfb\x00\xff"}},
		{"2.4 ping of 125", [][]byte{ping(long)}, 0, []string{"pong " + long}},
		{"2.5 ping of 126", [][]byte{ping(long + "\xfe")}, 0, []string{"close 1002"}},
		{"2.6 ping byte by byte", [][]byte{ping(long)}, 1, []string{"pong " + long}},
		{"2.7 pong nobody asked for", [][]byte{frame(fin|10, ""), text("4a")}, 0, []string{"text 4a"}},
		{"2.8 pong nobody asked for, with payload", [][]byte{frame(fin|10, "pong"), text("4a")}, 0, []string{"text 4a"}},
		{"2.9 pong, then ping", [][]byte{frame(fin|10, "pong"), ping("ping")}, 0, []string{"pong ping"}},
		{"2.10 ten pings", tenPings, 0, tenPongs},
		{"2.11 ten pings byte by byte", tenPings, 1, tenPongs},
	}
}

func reservedCases() []conformanceCase {
	a, hello := text("4a"), "4Hello"
	cases := []conformanceCase{
		{"3.1 RSV 1", [][]byte{frame(fin|0x10|1, hello)}, 0, []string{"close 1002"}},
		{"3.2 RSV 2 after a text", [][]byte{a, frame(fin|0x20|1, hello), ping("")}, 0, []string{"text 4a", "close 1002"}},
		{"3.3 RSV 3 in two writes", [][]byte{a, frame(fin|0x30|1, hello), ping("")}, 8, []string{"text 4a", "close 1002"}},
		{"3.4 RSV 4 byte by byte", [][]byte{a, frame(fin|0x40|1, hello), ping("")}, 1, []string{"text 4a", "close 1002"}},
		{"3.5 RSV 5, binary", [][]byte{frame(fin|0x50|2, hello)}, 0, []string{"close 1002"}},
		{"3.6 RSV 6, ping", [][]byte{frame(fin|0x60|9, hello)}, 0, []string{"close 1002"}},
		{"3.7 RSV 7, close", [][]byte{frame(fin|0x70|8, "\x03\xe8")}, 0, []string{"close 1002"}},
		{"unmasked frame", [][]byte{{fin | 1, 2, '4', 'a'}}, 0, []string{"close 1002"}},
		{"length not in its shortest form", [][]byte{{fin | 1, 0x80 | 126, 0, 2, 0, 0, 0, 0, '4', 'a'}}, 0, []string{"close 1002"}},
	}
	for i := range byte(5) {
		for group, opcode := range []byte{3 + i, 11 + i} {
			name := fmt.Sprintf("4.%d.%d opcode %d", group+1, i+1, opcode)
			cases = append(cases, conformanceCase{name, [][]byte{a, frame(fin|opcode, "x"), ping("")}, 0, []string{"text 4a", "close 1002"}})
		}
	}
	return cases
}

func fragmentCases() []conformanceCase {
	first, middle, last := frame(1, "4one,"), frame(0, "two,"), frame(fin, "three")
	whole := "text 4one,three"
	three := "text 4one,two,three"
	cases := []conformanceCase{
		{"5.1 ping in two fragments", [][]byte{frame(9, "a"), frame(fin, "b")}, 0, []string{"close 1002"}},
		{"5.2 pong in two fragments", [][]byte{frame(10, "a"), frame(fin, "b")}, 0, []string{"close 1002"}},
		{"5.3 text in two fragments", [][]byte{first, last}, 0, []string{whole}},
		{"5.5 text in two fragments byte by byte", [][]byte{first, last}, 1, []string{whole}},
		{"5.6 ping between fragments", [][]byte{first, ping("p"), last}, 0, []string{"pong p", whole}},
		{"5.8 ping between fragments byte by byte", [][]byte{first, ping("p"), last}, 1, []string{"pong p", whole}},
		{"5.15 continuation after the end", [][]byte{first, last, frame(0, "x"), text("4a")}, 0, []string{whole, "close 1002"}},
		{"5.18 text within a fragmented one", [][]byte{first, frame(fin|1, "4a")}, 0, []string{"close 1002"}},
		{"5.19 three fragments with pings", [][]byte{first, ping("1"), middle, ping("2"), last}, 0, []string{"pong 1", "pong 2", three}},
		{"5.20 three fragments with pings byte by byte", [][]byte{first, ping("1"), middle, ping("2"), last}, 1, []string{"pong 1", "pong 2", three}},
		{"binary in three fragments", [][]byte{frame(2, "\xff"), frame(0, ""), frame(fin, "\xfe")}, 0, []string{"binary \xff\xfe"}},
	}
	for i, opening := range []byte{fin, fin, fin, 0, 0, 0, fin, 0} {
		number := []int{9, 10, 11, 12, 13, 14, 17, 16}[i]
		cases = append(cases, conformanceCase{
			fmt.Sprintf("5.%d continuation of nothing", number), [][]byte{frame(opening, "x"), text("4a")}, i % 3, []string{"close 1002"},
		})
	}
	return cases
}

func closeCases() []conformanceCase {
	reason123 := strings.Repeat("*", 123)
	hello, close1000 := text("4Hello"), closing(1000, "")
	cases := []conformanceCase{
		{"7.1.1 text and close", [][]byte{hello, close1000}, 0, []string{"text 4Hello", "close 1000"}},
		{"7.1.2 two close frames", [][]byte{close1000, close1000}, 0, []string{"close 1000"}},
		{"7.1.3 ping after close", [][]byte{close1000, ping("")}, 0, []string{"close 1000"}},
		{"7.1.4 text after close", [][]byte{close1000, hello}, 0, []string{"close 1000"}},
		{"7.1.5 close within a fragmented text", [][]byte{frame(1, "4a"), close1000, frame(fin, "b")}, 0, []string{"close 1000"}},
		{"7.3.1 close without a code", [][]byte{frame(fin|8, "")}, 0, []string{"close"}},
		{"7.3.2 close with half a code", [][]byte{frame(fin|8, "\x03")}, 0, []string{"close 1002"}},
		{"7.3.4 close with a reason", [][]byte{closing(1000, "Hello World!")}, 0, []string{"close 1000"}},
		{"7.3.5 close with a reason of 123", [][]byte{closing(1000, reason123)}, 0, []string{"close 1000"}},
		{"7.3.6 close with a reason of 124", [][]byte{closing(1000, reason123+"*")}, 0, []string{"close 1002"}},
		{"7.5.1 reason is not UTF-8", [][]byte{closing(1000, "Hello\xce\xba\xed\xa0\x80")}, 0, []string{"close 1007"}},
	}
	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		cases = append(cases, conformanceCase{
			fmt.Sprintf("7.7.%d close %d", i+1, code), [][]byte{closing(code, "")}, 0, []string{fmt.Sprint("close ", code)},
		})
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		cases = append(cases, conformanceCase{
			fmt.Sprintf("7.9.%d close %d", i+1, code), [][]byte{closing(code, "")}, 0, []string{"close 1002"},
		})
	}
	return append(cases,
		conformanceCase{"7.13.1 close 5000", [][]byte{closing(5000, "")}, 0, []string{"close 1002"}},
		conformanceCase{"7.13.2 close 65535", [][]byte{closing(65535, "")}, 0, []string{"close 1002"}})
}
