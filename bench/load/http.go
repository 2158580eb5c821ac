//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/goroomcast/socketio/bench/epoll"
)

// An httpConn is a connection for one request after the other.
type httpConn struct {
	fleet    *fleet
	stream   *epoll.Stream
	answered func(body []byte) error // what to do with the answer; nil while there is no request
	mayEnd   bool
}

func (f *fleet) newHTTPConn(id int) (*httpConn, error) {
	stream, err := f.dial(id)
	if err != nil {
		return nil, err
	}
	h := &httpConn{fleet: f, stream: stream}
	stream.Received = h.received
	stream.Ended = func(err error) error {
		if h.mayEnd {
			return nil
		}
		return fmt.Errorf("HTTP connection lost: %w", err)
	}
	return h, nil
}

func (h *httpConn) get(url string, answered func([]byte) error) error {
	h.answered = answered
	return h.stream.Send(fmt.Appendf(h.stream.Out(), "GET %s HTTP/1.1\r\nHost: %v\r\n\r\n", url, h.fleet.target.Addr))
}

func (h *httpConn) post(url string, body []byte, answered func([]byte) error) error {
	h.answered = answered
	return h.stream.Send(fmt.Appendf(h.stream.Out(),
		"POST %s HTTP/1.1\r\nHost: %v\r\nContent-Type: text/plain;charset=UTF-8\r\nContent-Length: %d\r\n\r\n%s",
		url, h.fleet.target.Addr, len(body), body))
}

func (h *httpConn) received(data []byte) (used int, err error) {
	status, body, used, err := cutResponse(data)
	if used == 0 || err != nil {
		return 0, err
	}
	if status != 200 || h.answered == nil {
		return 0, fmt.Errorf("answer with status %d: %s", status, abridged(data))
	}
	answered := h.answered
	h.answered = nil
	return used, answered(body)
}

var (
	errResponse = errors.New("not an HTTP response as it is expected")
	crlf        = []byte("\r\n")
)

// cutResponse cuts a response off data, whose body has a Content-Length or is
// chunked. It returns used 0 if the response is not complete.
func cutResponse(data []byte) (status int, body []byte, used int, err error) {
	end := bytes.Index(data, []byte("\r\n\r\n"))
	if end < 0 {
		return 0, nil, 0, nil
	}
	line, headers, _ := bytes.Cut(data[:end], crlf)
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) || len(line) < 12 {
		return 0, nil, 0, fmt.Errorf("%w: %s", errResponse, abridged(data))
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, 0, fmt.Errorf("%w: %s", errResponse, abridged(data))
	}
	head, rest := end+4, data[end+4:]
	for line := range bytes.SplitSeq(headers, crlf) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			n, err := strconv.Atoi(string(value))
			if err != nil || n > len(rest) {
				return 0, nil, 0, err
			}
			return status, rest[:n], head + n, nil
		case bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(value, []byte("chunked")):
			body, used, err := cutChunks(rest)
			if used == 0 || err != nil {
				return 0, nil, 0, err
			}
			return status, body, head + used, nil
		}
	}
	return 0, nil, 0, fmt.Errorf("%w: neither length nor chunks: %s", errResponse, abridged(data))
}

// cutChunks joins the chunks of a body: RFC 9112, section 7.1, without trailers.
func cutChunks(data []byte) (body []byte, used int, err error) {
	for {
		end := bytes.Index(data[used:], crlf)
		if end < 0 {
			return nil, 0, nil
		}
		size, err := strconv.ParseUint(string(data[used:used+end]), 16, 31)
		if err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errResponse, err)
		}
		start := used + end + 2
		stop := start + int(size)
		if len(data) < stop+2 {
			return nil, 0, nil
		}
		if !bytes.Equal(data[stop:stop+2], crlf) {
			return nil, 0, fmt.Errorf("%w: a chunk without end", errResponse)
		}
		body, used = append(body, data[start:stop]...), stop+2
		if size == 0 {
			return body, used, nil
		}
	}
}
