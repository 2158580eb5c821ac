package postgres

import (
	"strings"
	"testing"
	"time"
)

func TestTableNames(t *testing.T) {
	for name, want := range map[string]string{
		"":                       `"socket_io_attachments"`,
		"events":                 `"events"`,
		"App.Events":             `"app"."events"`,
		`"App"."My ""Table"".x"`: `"App"."My ""Table"".x"`,
		`x"; DROP TABLE y; --`:   `"x""; drop table y; --"`,
		"été":                    `"été"`,
		".":                      "",
		"a.":                     "",
		".a":                     "",
		`"a`:                     "",
		`""`:                     "",
		`"a"b`:                   "",
	} {
		o, err := (&Options{TableName: name}).resolve()
		if (err != nil) != (want == "") || err == nil && o.table != want {
			t.Errorf("%q: %s, %v; want %s", name, o.table, err, want)
		}
	}
}

func TestChannels(t *testing.T) {
	for _, c := range []struct {
		prefix, namespace string
		possible          bool
	}{
		{"", "/", true},
		{"", "/" + strings.Repeat("n", 52), true},
		{"", "/" + strings.Repeat("n", 53), false},
		{"", "/" + strings.Repeat("ü", 26), true},
		{"", "/" + strings.Repeat("ü", 27), false},
		{strings.Repeat("p", 61), "/", true},
		{strings.Repeat("p", 40), "/" + strings.Repeat("n", 22), false},
		{"", `/"; DROP TABLE x; --`, true},
		{"", "/\x00", false},
		{"", "/\xff", false},
	} {
		o, err := (&Options{ChannelPrefix: c.prefix}).resolve()
		if err != nil {
			t.Fatal(err)
		}
		channel, err := o.channel(c.namespace)
		if (err == nil) != c.possible || len(channel) > maxChannel {
			t.Errorf("prefix %q, namespace %q: %q, %v", c.prefix, c.namespace, channel, err)
		}
	}
}

func TestOptionsAreRefused(t *testing.T) {
	for text, o := range map[string]Options{
		"PayloadThreshold": {PayloadThreshold: -1},
		"negative":         {CleanupInterval: -time.Second},
		"ChannelPrefix":    {ChannelPrefix: strings.Repeat("p", 62)},
		"TableName":        {TableName: "."},
	} {
		if _, err := NewEmitter(nil, &o); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []Options{{HeartbeatInterval: -1}, {HeartbeatTimeout: -1}} {
		if _, err := NewEmitter(nil, &o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}
