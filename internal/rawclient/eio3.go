package rawclient

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Join makes a payload of packets, and says whether it is one of bytes.
func Join(packets []string, eio3 bool) (body string, octets bool, err error) {
	if eio3 {
		return joinEIO3(packets)
	}
	return strings.Join(packets, "\x1e"), false, nil
}

// Split returns the packets of a payload.
func Split(body string, eio3 bool) ([]string, error) {
	if eio3 {
		return splitEIO3(body)
	}
	return strings.Split(body, "\x1e"), nil
}

// joinEIO3 makes a payload of protocol 3: of bytes if there is a binary
// message among the packets, or else of strings.
func joinEIO3(packets []string) (body string, octets bool, err error) {
	for _, p := range packets {
		octets = octets || strings.HasPrefix(p, "b")
		body += fmt.Sprintf("%d:%s", len(utf16.Encode([]rune(p))), p)
	}
	if !octets {
		return body, false, nil
	}
	body = ""
	for _, p := range packets {
		kind := "\x00"
		if strings.HasPrefix(p, "b") {
			data, err := base64.StdEncoding.DecodeString(p[1:])
			if err != nil {
				return "", true, err
			}
			kind, p = "\x01", "\x04"+string(data)
		}
		for _, digit := range strconv.Itoa(len(p)) {
			kind += string(digit - '0')
		}
		body += kind + "\xff" + p
	}
	return body, true, nil
}

// splitEIO3 returns the packets of a payload of either kind.
func splitEIO3(body string) (packets []string, err error) {
	malformed := fmt.Errorf("not a payload: %q", body)
	for rest := body; rest != ""; {
		if rest[0] < 2 { // bytes
			digits, data, found := strings.Cut(rest[1:], "\xff")
			n := 0
			for _, d := range digits {
				n = n*10 + int(d)
			}
			if !found || n > len(data) {
				return nil, malformed
			}
			p := data[:n]
			if rest[0] == 1 {
				if p[0] != 4 {
					return nil, malformed
				}
				p = "b" + base64.StdEncoding.EncodeToString([]byte(p[1:]))
			}
			packets, rest = append(packets, p), data[n:]
			continue
		}
		digits, text, _ := strings.Cut(rest, ":")
		n, err := strconv.Atoi(digits)
		units := utf16.Encode([]rune(text))
		if err != nil || n > len(units) {
			return nil, malformed
		}
		p := string(utf16.Decode(units[:n]))
		if data, is := strings.CutPrefix(p, "b4"); is {
			p = "b" + data
		}
		packets, rest = append(packets, p), string(utf16.Decode(units[n:]))
	}
	return packets, nil
}
