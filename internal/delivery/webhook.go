package delivery

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// What is kept of an answer, and how long a receiver may make us wait.
const (
	maxResponse   = 1024
	maxRetryAfter = 24 * time.Hour
)

// webhook posts the body as Standard Webhooks has it.
func (r *Runner) webhook(ctx context.Context, e *errand, body *destination.Body) verdict {
	request, err := r.request(e, body)
	if err != nil {
		return failed(err)
	}
	res, err := r.client.Do(ctx, *request)
	if err != nil {
		return unanswered(err, request.Timeout)
	}
	v := judge(e, res)
	v.bytes = int64(len(request.Body))
	return v
}

// request is the attempt as the egress client makes it.
func (r *Runner) request(e *errand, body *destination.Body) (*egress.Request, error) {
	target, err := e.event.URL(e.refs)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(target)
	if err != nil || u.Hostname() == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "the URL is not an http or https URL once its variables are filled in")
	}
	hosts, err := hostOf(u)
	if err != nil {
		return nil, err
	}
	q := &egress.Request{
		Method: methodOf(&e.spec), URL: target, Redirect: egress.RedirectManual, Hosts: hosts,
		MaxBody: maxResponse, Cut: true, Timeout: r.timeout(&e.spec),
	}
	if q.Method != http.MethodGet {
		q.Body = body.Data
		q.Header = append(q.Header, [2]string{"Content-Type", body.ContentType})
	}
	for _, name := range slices.Sorted(maps.Keys(e.spec.Headers)) {
		value, err := e.event.Header(name, e.refs)
		if err != nil {
			return nil, err
		}
		q.Header = append(q.Header, [2]string{name, value})
	}
	q.Header = append(q.Header, credentials(e.spec.Auth)...)
	return q, sign(q, e)
}

// hostOf admits the URL's host, on its port, and no other.
func hostOf(u *url.URL) (egress.HostList, error) {
	host, port := u.Hostname(), u.Port()
	if port == "" {
		port = "443"
		if u.Scheme == "http" {
			port = "80"
		}
	}
	hosts, err := egress.ParseHosts([]string{net.JoinHostPort(host, port)})
	if err != nil {
		return hosts, ratchet.Errorf(ratchet.ReasonValidation, "the URL's host cannot be asked: %w", err)
	}
	return hosts, nil
}

// credentials are the headers that say who sends.
func credentials(a *ratchet.WebhookAuth) [][2]string {
	switch {
	case a == nil:
		return nil
	case a.Bearer != "":
		return [][2]string{{"Authorization", "Bearer " + string(a.Bearer)}}
	case a.Basic != nil:
		pair := a.Basic.Username + ":" + string(a.Basic.Password)
		return [][2]string{{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}}
	case a.APIKey != nil:
		name := a.APIKey.Header
		if name == "" {
			name = "X-API-Key"
		}
		return [][2]string{{name, string(a.APIKey.Key)}}
	}
	return nil
}

// sign adds the headers of Standard Webhooks: id and time always, signatures by
// all secrets there are.
func sign(q *egress.Request, e *errand) error {
	id, now := e.ID.String(), time.Now()
	q.Header = append(q.Header,
		[2]string{webhook.HeaderID, id},
		[2]string{webhook.HeaderTimestamp, strconv.FormatInt(now.Unix(), 10)})
	if len(e.spec.Secrets) == 0 {
		return nil
	}
	keys := make([]string, len(e.spec.Secrets))
	for i, s := range e.spec.Secrets {
		keys[i] = string(s)
	}
	signature, err := webhook.Sign(id, now, q.Body, keys...)
	if err != nil {
		return ratchet.Errorf(ratchet.ReasonValidation, "a secret of the destination cannot sign: %w", err)
	}
	q.Header = append(q.Header, [2]string{webhook.HeaderSignature, signature})
	return nil
}

// unanswered is the verdict of a request that no answer came to.
func unanswered(err error, timeout time.Duration) verdict {
	v := failed(err)
	e := *v.err
	v.err = &e
	e.Message = strings.Replace(e.Message, "fetch ", "webhook ", 1)
	switch {
	case v.free:
	case e.Reason == ratchet.ReasonTimeout && kindOf(&e) == egress.KindPlace:
		v = verdict{free: true, after: time.Second, err: v.err} // it never went out
	case e.Reason == ratchet.ReasonTimeout && kindOf(&e) == egress.KindHeaders:
		v.again = true
		e.Message = fmt.Sprintf("the receiver did not answer within %s: it should answer as soon as it has the message, and work on it afterwards", ratchet.Duration(timeout))
	case e.Reason == ratchet.ReasonEgressRefused:
		v.again = false
		if kindOf(&e) == egress.KindAddress {
			e.Message, _, _ = strings.Cut(e.Message, "; ")
			e.Message += "; only the operator can open it (http.allow_private)"
		}
	default:
		v.again = e.Reason != ratchet.ReasonValidation
	}
	return v
}

// kindOf tells failures of one reason apart.
func kindOf(e *ratchet.Error) egress.Kind {
	if len(e.Details) == 0 {
		return ""
	}
	return egress.Kind(e.Details[0].Message)
}

// judge is the verdict of an answer.
func judge(e *errand, res *egress.Response) verdict {
	v := verdict{status: res.Status, response: excerpt(res.Body)}
	if res.Status >= 200 && res.Status <= 299 {
		return v
	}
	v.err = ratchet.Errorf(ratchet.ReasonNetwork, "%s", complaint(e, res)).
		WithDetails(ratchet.Detail{Pointer: "/url", Message: "status", Got: strconv.Itoa(res.Status), Expected: "200 to 299"})
	switch {
	case res.Status == http.StatusGone:
		v.gone = true
		v.err = ratchet.Errorf(ratchet.ReasonDestinationGone, "the receiver answered 410 Gone: it wants no more; redeliver to lift this")
	case len(e.spec.RetryOn) > 0:
		v.again = slices.Contains(e.spec.RetryOn, res.Status)
	default:
		v.again = res.Status == 408 || res.Status == 425 || res.Status == 429 || res.Status >= 500
	}
	if v.again {
		v.after = retryAfter(res.Header, time.Now())
	}
	return v
}

// complaint says what is wrong with an answer.
func complaint(e *errand, res *egress.Response) string {
	status := strings.TrimSpace(fmt.Sprintf("%d %s", res.Status, http.StatusText(res.Status)))
	switch {
	case res.Status >= 300 && res.Status <= 399:
		to := ""
		if at, err := url.Parse(header(res.Header, "location")); err == nil && at.Host != "" {
			to = " to " + at.Scheme + "://" + at.Host
		}
		return "the receiver answered " + status + ", a redirect" + to + ": redirects are not followed, name the last URL"
	case res.Status == http.StatusUnauthorized, res.Status == http.StatusForbidden:
		return "the receiver answered " + status + ": look at the destination's auth and secrets"
	case res.Status == http.StatusMethodNotAllowed:
		return "the receiver answered " + status + ": it does not take " + methodOf(&e.spec)
	}
	return "the receiver answered " + status
}

func methodOf(d *ratchet.Destination) string {
	return strings.ToUpper(cmp.Or(d.Method, http.MethodPost))
}

func header(h [][2]string, name string) string {
	for _, pair := range h {
		if pair[0] == name {
			return pair[1]
		}
	}
	return ""
}

// retryAfter is the time that a receiver asks for, in either of its two forms, at
// most a day.
func retryAfter(h [][2]string, now time.Time) time.Duration {
	text := strings.TrimSpace(header(h, "retry-after"))
	if text == "" {
		return 0
	}
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// excerpt is how an answer begins, as text.
func excerpt(body []byte) string {
	if len(body) > maxResponse {
		body = body[:maxResponse]
	}
	for len(body) > 0 { // not half a character
		if r, size := utf8.DecodeLastRune(body); r != utf8.RuneError || size != 1 || len(body) < maxResponse-3 {
			break
		}
		body = body[:len(body)-1]
	}
	return strings.Map(func(r rune) rune {
		if r == 0 {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(string(body), string(utf8.RuneError)))
}
