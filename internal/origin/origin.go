// Package origin normalises the origins of pages that a program allows. It
// refuses origins that cannot match a page, and origins that match a stranger's
// page.
package origin

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Why an origin cannot be allowed; each error completes a sentence about it.
var (
	errNoOrigin = errors.New(`is no origin; it is scheme, host and perhaps port, ` +
		`as in "http://localhost:5173", without a slash at the end`)
	errEveryPage = errors.New("with Credentials would let every page act as its visitor; list the origins, or use AllowOrigin")
	errStars     = errors.New(`has more than one "*"; one may stand for a part of the host, or use AllowOrigin`)
	errStarPlace = errors.New(`has its "*" where strangers can have a host that matches; write it before the domain, ` +
		`as in "https://*.example.com", or use AllowOrigin`)
)

// star stands for "*" where that is not allowed.
const star = "zz--star--zz"

// Normalize returns an allowed origin in the form that browsers send.
// One "*" may stand for a part of the host. With credentials, an origin that a
// stranger's page can have is an error. The error completes a sentence about
// the origin.
func Normalize(origin string, credentials bool) (string, error) {
	switch {
	case credentials && (origin == "*" || origin == "null"): // any page can have a frame whose origin is null
		return "", errEveryPage
	case origin == "*", origin == "null", origin == "file://":
		return origin, nil
	case strings.Count(origin, "*") > 1:
		return "", errStars
	}
	u, err := url.Parse(strings.Replace(origin, "*", star, 1))
	switch {
	case strings.Contains(strings.Split(origin, "://")[0], "*"), err != nil, u.Scheme == "", u.Host == "", u.User != nil,
		strings.Contains(u.Host, "%"):
		return "", errNoOrigin
	case u.Scheme == "ws", u.Scheme == "wss":
		u.Scheme = "http" + strings.TrimPrefix(u.Scheme, "ws")
		return "", instead(u)
	case u.Path != "", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return "", instead(u)
	case u.Scheme != "http" && u.Scheme != "https": // of an app or an extension
		return u.Scheme + "://" + unstarred(strings.ToLower(u.Host)), nil
	}
	host, err := normalHost(u.Hostname())
	if err != nil {
		return "", err
	}
	if err := checkStar(unstarred(host), credentials); err != nil {
		return "", err
	}
	port, err := normalPort(u)
	if err != nil {
		return "", err
	}
	return u.Scheme + "://" + unstarred(host) + port, nil
}

func unstarred(host string) string { return strings.Replace(host, star, "*", 1) }

// instead returns an error that names the right form.
func instead(u *url.URL) error {
	return fmt.Errorf("%w; write %q", errNoOrigin, u.Scheme+"://"+unstarred(u.Host))
}

// normalHost returns a host in the form of URLs in browsers.
func normalHost(host string) (string, error) {
	switch a, err := netip.ParseAddr(host); {
	case err != nil:
	case a.Zone() != "" || a.Is4In6():
		return "", errNoOrigin
	case a.Is6():
		return "[" + a.String() + "]", nil
	default:
		return a.String(), nil
	}
	labels := strings.Split(strings.ToLower(host), ".")
	for i, label := range labels {
		ascii, err := asciiHost(label)
		switch final := i > 0 && i == len(labels)-1; {
		case err != nil, strings.ContainsFunc(ascii, foreignToHosts), ascii == "" && (label != "" || !final),
			ascii != label && strings.Contains(label, star):
			return "", errNoOrigin
		}
		labels[i] = ascii
	}
	if last := labels[len(labels)-1]; last != "" && strings.Trim(last, "0123456789") == "" {
		return "", errNoOrigin // browsers take it for an address and write that in another way
	}
	return strings.Join(labels, "."), nil
}

func foreignToHosts(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// asciiHost returns the ASCII form of an international domain name. Net/http
// makes it for the Host header that it sends.
func asciiHost(host string) (string, error) {
	var sent bytes.Buffer
	if err := (&http.Request{Host: host, URL: &url.URL{Path: "/"}}).Write(&sent); err != nil {
		return "", err
	}
	r, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return "", err
	}
	return r.Host, nil
}

// normalPort returns the port of a URL with its colon, or "" for the default
// port.
func normalPort(u *url.URL) (string, error) {
	if u.Port() == "" {
		return "", nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case err != nil, port == 0:
		return "", errNoOrigin
	case u.Scheme == "http" && port == 80, u.Scheme == "https" && port == 443:
		return "", nil
	}
	return ":" + strconv.FormatUint(port, 10), nil
}

// privateDomains are domains without public registration of subdomains.
var privateDomains = []string{"localhost", "local", "internal", "test"}

// checkStar returns an error if strangers can have hosts that match the "*" of a
// host.
func checkStar(host string, credentials bool) error {
	before, after, found := strings.Cut(host, "*")
	if !found {
		return nil
	}
	rest, domain, _ := strings.Cut(after, ".") // of the label, and what follows it
	switch {
	case strings.Contains(strings.Trim(domain, "."), "."), slices.Contains(privateDomains, domain):
		return nil
	case before != "" || rest != "":
		return errStarPlace
	case credentials:
		return errEveryPage
	}
	return nil
}
