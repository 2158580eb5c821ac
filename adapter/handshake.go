package adapter

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Handshake says how the client of a [Socket] connected. Its JSON is that of
// the handshake attribute of JavaScript sockets.
type Handshake struct {
	Header      http.Header // without Host
	Host        string      // in JSON one of the headers
	Time        time.Time
	Address     string
	CrossDomain bool
	Secure      bool
	URL         string
	Query       url.Values
	Auth        json.RawMessage // an empty object in JSON if it is nil
}

// dateFormat is that of JavaScript's Date.prototype.toString.
const dateFormat = "Mon Jan 02 2006 15:04:05 GMT-0700 (MST)"

type handshake struct {
	Headers     multiMap        `json:"headers"`
	Time        string          `json:"time"` // for people
	Address     string          `json:"address"`
	CrossDomain bool            `json:"xdomain"`
	Secure      bool            `json:"secure"`
	Issued      int64           `json:"issued"` // ms since 1970
	URL         string          `json:"url"`
	Query       multiMap        `json:"query"`
	Auth        json.RawMessage `json:"auth,omitempty"`
}

// MarshalJSON returns the JSON of JavaScript's servers.
func (h Handshake) MarshalJSON() ([]byte, error) {
	d := handshake{
		Headers:     make(multiMap, len(h.Header)),
		Time:        h.Time.UTC().Format(dateFormat),
		Address:     h.Address,
		CrossDomain: h.CrossDomain,
		Secure:      h.Secure,
		Issued:      h.Time.UnixMilli(),
		URL:         h.URL,
		Query:       multiMap(h.Query),
		Auth:        h.Auth,
	}
	for name, v := range h.Header {
		d.Headers[strings.ToLower(name)] = v
	}
	if h.Host != "" {
		d.Headers["host"] = []string{h.Host}
	}
	if d.Auth == nil {
		d.Auth = json.RawMessage("{}")
	}
	return appendJSON(d)
}

// UnmarshalJSON reads such JSON. After an error the Handshake contains what
// could be read.
func (h *Handshake) UnmarshalJSON(text []byte) error {
	var d handshake
	err := json.Unmarshal(text, &d)
	*h = Handshake{
		Header:      make(http.Header, len(d.Headers)),
		Time:        time.UnixMilli(d.Issued),
		Address:     d.Address,
		CrossDomain: d.CrossDomain,
		Secure:      d.Secure,
		URL:         d.URL,
		Query:       url.Values(d.Query),
		Auth:        d.Auth,
	}
	for name, v := range d.Headers {
		h.Header[http.CanonicalHeaderKey(name)] = v
	}
	h.Host = h.Header.Get("Host")
	h.Header.Del("Host") // as net/http does
	return err
}

// A multiMap contains the values of each name. In JSON a single value is a
// string, several values are an array.
type multiMap map[string][]string

func (m multiMap) MarshalJSON() ([]byte, error) {
	flat := make(map[string]any, len(m))
	for name, v := range m {
		if len(v) == 1 {
			flat[name] = v[0]
		} else {
			flat[name] = v
		}
	}
	return json.Marshal(flat)
}

func (m *multiMap) UnmarshalJSON(text []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return err
	}
	*m = make(multiMap, len(raw))
	for name, text := range raw {
		var one string
		var many []string
		if json.Unmarshal(text, &one) == nil {
			many = []string{one}
		} else if json.Unmarshal(text, &many) != nil {
			continue
		}
		(*m)[name] = many
	}
	return nil
}
