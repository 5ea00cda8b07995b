package egress

import (
	"net/http"
	"net/netip"
)

// ReadBody is readBody, for what it took from the wire before it gave up.
func ReadBody(hr *http.Response, most int64) ([]byte, int64, error) { return readBody(hr, most) }

// Refused returns why the address is closed to a client with the exceptions, ""
// if it is open.
func Refused(a netip.Addr, except ...netip.Prefix) string {
	g, err := newGuard(except)
	if err != nil {
		return err.Error()
	}
	if r := g.judge(a); r != nil {
		return r.Error()
	}
	return ""
}
