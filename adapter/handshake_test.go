package adapter

import (
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"
)

func TestAHandshakeIsThatOfJavaScript(t *testing.T) {
	h := Handshake{
		Header:      http.Header{"User-Agent": {"test"}, "X-Two": {"a", "b"}},
		Host:        "chat.example.com",
		Time:        time.UnixMilli(1700000000123),
		Address:     "192.0.2.1:1234",
		CrossDomain: true,
		URL:         "/socket.io/?EIO=4&tag=a&tag=b",
		Query:       url.Values{"EIO": {"4"}, "tag": {"a", "b"}},
	}
	text, err := json.Marshal(h)
	want := `{"headers":{"host":"chat.example.com","user-agent":"test","x-two":["a","b"]},` +
		`"time":"Tue Nov 14 2023 22:13:20 GMT+0000 (UTC)","address":"192.0.2.1:1234","xdomain":true,"secure":false,` +
		`"issued":1700000000123,"url":"/socket.io/?EIO=4\u0026tag=a\u0026tag=b","query":{"EIO":"4","tag":["a","b"]},"auth":{}}`
	if err != nil || string(text) != want {
		t.Fatalf("got %s, %v\nwant %s", text, err, want)
	}
	var back Handshake
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	h.Auth = json.RawMessage("{}")
	if !back.Time.Equal(h.Time) {
		t.Errorf("time %v, want %v", back.Time, h.Time)
	}
	back.Time = h.Time
	if !reflect.DeepEqual(back, h) {
		t.Errorf("got %+v\nwant %+v", back, h)
	}
}

func TestAHandshakeContainsWhatCouldBeRead(t *testing.T) {
	var h Handshake
	err := json.Unmarshal([]byte(`{"headers":{"host":"a.test","odd":{},"cookie":["a=1","b=2"]},"address":7,"url":"/x"}`), &h)
	want := http.Header{"Cookie": {"a=1", "b=2"}}
	if err == nil || h.URL != "/x" || h.Host != "a.test" || h.Address != "" || !reflect.DeepEqual(h.Header, want) {
		t.Errorf("got %+v, %v", h, err)
	}
}
