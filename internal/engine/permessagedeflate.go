package engine

import (
	"net/http"
	"slices"
	"strings"
)

// PerMessageDeflate says how messages over WebSocket are compressed, by the
// extension of that name (RFC 7692). Clients must offer it, which browsers do.
type PerMessageDeflate struct {
	// Threshold is the smallest length in bytes of a message that the server
	// compresses. Defaults to 1,024.
	Threshold int

	// ServerContextTakeover has each message refer to those before it, which
	// makes those that resemble each other much shorter. It takes 0.8 MB for
	// each client that has been sent a compressed message. Without it a
	// broadcast is compressed once for all.
	ServerContextTakeover bool

	// ClientContextTakeover allows clients the same. It takes 32 kB for each
	// client that has sent compressed messages.
	ClientContextTakeover bool
}

// defaultThreshold is that of the reference implementation for either
// transport.
const defaultThreshold = 1024

func (o *PerMessageDeflate) withDefaults() *PerMessageDeflate {
	if o == nil {
		return nil
	}
	c := *o
	defaultTo(&c.Threshold, defaultThreshold)
	return &c
}

const deflateExtension = "permessage-deflate"

// negotiate takes the first of a client's offers that can be accepted
// (RFC 7692, sections 5 and 7.1), and returns with it the answer. Neither is
// there if compression is off, or no offer will do.
func (o *PerMessageDeflate) negotiate(h http.Header) (*deflate, string) {
	if o == nil {
		return nil, ""
	}
	for extension := range strings.SplitSeq(strings.Join(h.Values("Sec-WebSocket-Extensions"), ","), ",") {
		if strings.Count(extension, `"`)%2 != 0 {
			return nil, "" // a quoted comma, or a quote that does not end: no value of an extension has these
		}
		name, params, _ := strings.Cut(extension, ";")
		if strings.TrimSpace(name) != deflateExtension {
			continue
		}
		if offer, ok := parseOffer(params); ok {
			return o.accept(offer)
		}
	}
	return nil, ""
}

// accept answers an offer. That client_max_window_bits is not in the answer
// lets the client have the whole window, which it does not need to use.
func (o *PerMessageDeflate) accept(offer map[string]string) (*deflate, string) {
	_, noServerContext := offer["server_no_context_takeover"]
	_, noClientContext := offer["client_no_context_takeover"]
	d := &deflate{
		threshold:     o.Threshold,
		serverContext: o.ServerContextTakeover && !noServerContext,
		clientContext: o.ClientContextTakeover && !noClientContext,
	}
	answer := deflateExtension
	if !d.serverContext {
		answer += "; server_no_context_takeover"
	}
	if !d.clientContext {
		answer += "; client_no_context_takeover"
	}
	if bits := offer["server_max_window_bits"]; bits != "" {
		answer += "; server_max_window_bits=" + bits
	}
	return d, answer
}

// parseOffer reads an offer's parameters. It is not ok if they are malformed,
// or ask for a smaller window than the 32 KiB that compress/flate always has.
func parseOffer(params string) (offer map[string]string, ok bool) {
	offer = make(map[string]string)
	if strings.TrimSpace(params) == "" {
		return offer, true
	}
	for param := range strings.SplitSeq(params, ";") {
		name, value, valued := strings.Cut(param, "=")
		name, value = strings.TrimSpace(name), unquoted(strings.TrimSpace(value))
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			ok = !valued
		case "server_max_window_bits":
			ok = value == "15"
		case "client_max_window_bits":
			ok = !valued || slices.Contains(windowBits, value)
		default:
			ok = false
		}
		if _, twice := offer[name]; twice || !ok {
			return nil, false
		}
		offer[name] = value
	}
	return offer, true
}

// unquoted returns a parameter's value without its quotes.
func unquoted(value string) string {
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		return value[1 : n-1]
	}
	return value
}

var windowBits = []string{"8", "9", "10", "11", "12", "13", "14", "15"}
