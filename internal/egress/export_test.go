package egress

import (
	"errors"
	"net/http"
	"net/netip"

	ratchet "github.com/ratchet-runner/ratchet-go"
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

// KindOf returns the Kind of an error of [Client.Do], "" if it has none.
func KindOf(err error) Kind {
	e, ok := errors.AsType[*ratchet.Error](err)
	if !ok || len(e.Details) == 0 {
		return ""
	}
	switch e.Reason {
	case ratchet.ReasonEgressRefused, ratchet.ReasonNetwork, ratchet.ReasonTimeout,
		ratchet.ReasonTooManyRedirect, ratchet.ReasonBodyTooLarge:
		return Kind(e.Details[0].Message)
	}
	return ""
}
