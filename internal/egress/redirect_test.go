package egress_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/egress"
)

// redirector redirects to ?to= with ?status=, and shows any other request.
func redirector(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if to := q.Get("to"); to != "" {
		status := 302
		_, _ = fmt.Sscan(q.Get("status"), &status)
		w.Header()["Location"] = []string{to}
		w.WriteHeader(status)
		return
	}
	body, _ := io.ReadAll(r.Body)
	fmt.Fprintf(w, "%s %s %q auth=%s cookie=%s type=%s key=%s", r.Method, r.Host, body,
		r.Header.Get("Authorization"), r.Header.Get("Cookie"), r.Header.Get("Content-Type"), r.Header.Get("X-Key"))
}

func TestRedirectsFollowTheFetchStandard(t *testing.T) {
	t.Parallel()
	url := serve(t, redirector)
	c := client(t, egress.Config{})
	for _, tt := range []struct{ method, status, want string }{
		{"POST", "301", `GET HOST "" auth=a cookie=c type= key=k`},
		{"POST", "302", `GET HOST "" auth=a cookie=c type= key=k`},
		{"POST", "303", `GET HOST "" auth=a cookie=c type= key=k`},
		{"POST", "307", `POST HOST "hi" auth=a cookie=c type=text/x key=k`},
		{"POST", "308", `POST HOST "hi" auth=a cookie=c type=text/x key=k`},
		{"PUT", "301", `PUT HOST "hi" auth=a cookie=c type=text/x key=k`},
		{"PUT", "303", `GET HOST "" auth=a cookie=c type= key=k`},
		{"HEAD", "303", ``},
	} {
		body := []byte("hi")
		if tt.method == "HEAD" {
			body = nil
		}
		res, err := c.Do(t.Context(), egress.Request{
			Method: tt.method, URL: url + "/?status=" + tt.status + "&to=/end%23frag", Body: body,
			Header: [][2]string{{"Authorization", "a"}, {"Cookie", "c"}, {"Content-Type", "text/x"}, {"X-Key", "k"}},
		})
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.status, err)
			continue
		}
		want := strings.Replace(tt.want, "HOST", strings.TrimPrefix(url, "http://"), 1)
		if string(res.Body) != want || !res.Redirected || res.URL != url+"/end" || res.Redirects != 1 {
			t.Errorf("%s %s: got %s, %+v", tt.method, tt.status, res.Body, res)
		}
	}
	for _, path := range []string{"/?status=304&to=/x", "/?status=300&to=/x", "/?status=302&to=%20"} {
		if res, err := c.Do(t.Context(), egress.Request{URL: url + path}); err != nil || res.Redirected || res.Status/100 != 3 {
			t.Errorf("%s: got %+v, %v", path, res, err)
		}
	}
}

func TestCredentialsDoNotCrossHosts(t *testing.T) {
	t.Parallel()
	url := serve(t, redirector)
	other := serve(t, redirector)
	c := client(t, egress.Config{Resolver: resolver(t, zone{"a.test": addrs("127.0.0.1"), "b.a.test": addrs("127.0.0.1")})})
	a, b := named(url, "a.test"), named(url, "b.a.test")
	for _, tt := range []struct {
		from, to string
		kept     bool
	}{
		{a, "/x", true},
		{a, named(url, "A.TEST."), true},
		{a, b + "/", false}, // not even to a sub-domain
		{a, named(other, "a.test"), false},
		{a, b + "/?to=" + a, false}, // and they do not come back
	} {
		res, err := c.Do(t.Context(), egress.Request{
			URL:    tt.from + "/?to=" + tt.to,
			Header: [][2]string{{"Authorization", "secret"}, {"Cookie", "secret"}, {"X-Key", "k"}},
		})
		if err != nil {
			t.Errorf("%s: %v", tt.to, err)
			continue
		}
		if kept := strings.Count(string(res.Body), "secret") == 2; kept != tt.kept || strings.Contains(string(res.Body), "secret") != tt.kept {
			t.Errorf("%s to %s: got %s, want kept %v", tt.from, tt.to, res.Body, tt.kept)
		}
	}
}

func TestRedirectsThatLeadAstrayAreRefused(t *testing.T) {
	t.Parallel()
	url := serve(t, redirector)
	c := client(t, egress.Config{Resolver: resolver(t, zone{"internal.test": addrs("10.0.0.5")})})
	list := hosts(t, "127.0.0.1", "internal.test", "169.254.169.254", "public.test")
	for _, tt := range []struct {
		to   string
		kind egress.Kind
		want string
	}{
		{"file:///etc/passwd", egress.KindScheme, "only http and https"},
		{"gopher://127.0.0.1:6379/_x", egress.KindScheme, "only http and https"},
		{"data:text/plain,x", egress.KindScheme, "only http and https"},
		{"javascript:alert(1)", egress.KindScheme, "only http and https"},
		{"http://public.test@127.0.0.1/", egress.KindCredentials, "user name"},
		{"//169.254.169.254/latest/meta-data/", egress.KindAddress, "a cloud metadata address"},
		{"http://internal.test/", egress.KindAddress, "internal.test resolves to 10.0.0.5, a private address"},
		{"http://2852039166/", egress.KindAddress, "2852039166 is 169.254.169.254, a cloud metadata address"},
		{"http://elsewhere.test/", egress.KindHost, `host "elsewhere.test" is not in`},
		{url + "/?to=http://elsewhere.test/", egress.KindHost, `host "elsewhere.test" is not in`},
	} {
		start := url + "/?to=" + strings.ReplaceAll(tt.to, "?", "%3F")
		_, err := c.Do(t.Context(), egress.Request{URL: start, Hosts: list})
		wantError(t, err, ratchet.ReasonEgressRefused, tt.kind, "fetch "+url+"/?…: redirect to ", ": refused: ", tt.want)
	}
	for _, bad := range []string{"http://a%20b/", "http://[::g]/", "http://256.1.1.1/", "http:///", "http://%zz/"} {
		_, err := c.Do(t.Context(), egress.Request{URL: url + "/?to=" + strings.ReplaceAll(bad, "%", "%25"), Hosts: list})
		wantError(t, err, ratchet.ReasonNetwork, egress.KindRedirect, "the server redirects to ", "valid")
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	t.Parallel()
	hits := 0
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		hits++
		http.Redirect(w, r, "/loop?n=1", http.StatusFound)
	})
	_, err := client(t, egress.Config{}).Do(t.Context(), egress.Request{URL: url})
	wantError(t, err, ratchet.ReasonTooManyRedirect, egress.KindRedirect, "more than 5 redirects, the last to "+url+"/loop?…")
	if hits != 6 {
		t.Errorf("got %d requests, want 6", hits)
	}
	_, err = client(t, egress.Config{MaxRedirects: -1}).Do(t.Context(), egress.Request{URL: url})
	wantError(t, err, ratchet.ReasonTooManyRedirect, egress.KindRedirect, "more than 0 redirects")
}

func TestRedirectModes(t *testing.T) {
	t.Parallel()
	url := serve(t, redirector)
	c := client(t, egress.Config{})
	_, err := c.Do(t.Context(), egress.Request{URL: url + "/?to=/x", Redirect: egress.RedirectError})
	wantError(t, err, ratchet.ReasonNetwork, egress.KindRedirect, "redirects to "+url+"/x")
	res, err := c.Do(t.Context(), egress.Request{URL: url + "/?to=file:///etc/passwd", Redirect: egress.RedirectManual})
	if err != nil || res.Status != 302 || header(res, "location") != "file:///etc/passwd" || res.Redirected {
		t.Errorf("got %+v, %v", res, err)
	}
}
