package destination

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/webhook"
)

// A checker collects what is wrong with one destination.
type checker struct {
	d     *ratchet.Destination
	where Where
	wrong []ratchet.Detail
}

func (c *checker) add(pointer, message, expected, got string) {
	if pointer == "/url" {
		got = withoutUser(got)
	}
	c.wrong = append(c.wrong, ratchet.Detail{Pointer: pointer, Message: message, Expected: expected, Got: clip(got, 100)})
}

// Check reports what is wrong with a destination; pointers are JSON names: "/url".
func Check(d *ratchet.Destination, where Where) []ratchet.Detail {
	c := &checker{d: d, where: where}
	switch d.Type {
	case ratchet.DestinationWebhook:
		c.webhook()
	case ratchet.DestinationFile:
		c.file()
	case ratchet.DestinationStdout, ratchet.DestinationStderr:
		if len(d.Prefix) > 200 || strings.ContainsFunc(d.Prefix, unicode.IsControl) {
			c.add("/prefix", "the prefix is not a short text on one line", "at most 200 bytes, without control characters", d.Prefix)
		}
		c.template("/prefix", d.Prefix, false, false)
	case ratchet.DestinationPlugin:
		c.plugin()
	case "":
		c.add("/type", "type is missing", "webhook, file, stdout, stderr or plugin", "")
		return c.wrong
	default:
		c.wrong = append(c.wrong, ratchet.NoSuchDestination(d.Type))
		return c.wrong
	}
	c.strangers()
	c.common()
	return c.wrong
}

// strangers refuses what belongs to other types.
func (c *checker) strangers() {
	d := c.d
	for _, f := range []struct {
		pointer string
		set     bool
		of      ratchet.DestinationType
	}{
		{"/url", d.URL != "", "webhook"},
		{"/method", d.Method != "", "webhook"},
		{"/headers", len(d.Headers) > 0, "webhook"},
		{"/auth", d.Auth != nil, "webhook"},
		{"/secrets", len(d.Secrets) > 0, "webhook"},
		{"/retryOn", len(d.RetryOn) > 0, "webhook"},
		{"/path", d.Path != "", "file"},
		{"/mode", d.Mode != "", "file"},
		{"/ifExists", d.IfExists != "", "file"},
		{"/prefix", d.Prefix != "", "stdout"},
		{"/plugin", d.Plugin != "", "plugin"},
		{"/config", len(d.Config) > 0, "plugin"},
	} {
		if f.set && f.of != d.Type && (f.of != "stdout" || d.Type != ratchet.DestinationStderr) {
			c.add(f.pointer, strings.TrimPrefix(f.pointer, "/")+" means nothing for a destination of type "+string(d.Type), "it for type "+string(f.of)+" only", "")
		}
	}
}

// common checks what every type has.
func (c *checker) common() {
	d := c.d
	if len(d.Name) > MaxName || strings.ContainsFunc(d.Name, func(r rune) bool {
		return r >= 0x80 || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.", r)
	}) {
		c.add("/name", "name is not a destination's name", `letters, digits, "-", "_" and ".", at most 100`, d.Name)
	}
	oneOf(c, "/on", d.On, ratchet.DeliverSuccess, ratchet.DeliverFailure, ratchet.DeliverAlways)
	oneOf(c, "/format", d.Format, ratchet.FormatJSON, ratchet.FormatCompact, ratchet.FormatYAML, ratchet.FormatCSV, ratchet.FormatRaw)
	if d.Timeout < 0 || d.Timeout > MaxTimeout {
		c.add("/timeout", "timeout is out of bounds", "at most "+MaxTimeout.String(), d.Timeout.String())
	}
	for _, w := range d.Retry.Validate() {
		w.Pointer = "/retry" + w.Pointer
		c.wrong = append(c.wrong, w)
	}
	if len(d.Select) > MaxSelect {
		c.add("/select", "select is too long", fmt.Sprintf("at most %d bytes", MaxSelect), "")
	} else if d.Select != "" {
		if err := checkSelect(d.Select); err != nil {
			c.add("/select", "select: "+err.Error(), `a jq expression such as ".output" or "{id: .job_id, total: (.output.items | length)}"`, d.Select)
		}
	}
	if d.Template != "" && d.Format != "" {
		c.add("/format", "format and template exclude each other", "one of them", string(d.Format))
	}
	if len(d.Template) > MaxTemplate {
		c.add("/template", "template is too long", "at most "+ratchet.Size(MaxTemplate).String(), ratchet.Size(len(d.Template)).String())
	} else {
		c.template("/template", d.Template, false, true)
	}
	c.pluginName("/transform", d.Transform)
	if d.ContentType != "" && (len(d.ContentType) > 200 || !strings.Contains(d.ContentType, "/") || inLine(d.ContentType) != d.ContentType) {
		c.add("/contentType", "contentType is not a media type", `one such as "application/json"`, d.ContentType)
	}
}

func oneOf[S ~string](c *checker, pointer string, got S, want ...S) {
	if got == "" || slices.Contains(want, got) {
		return
	}
	words := make([]string, len(want))
	for i, w := range want {
		words[i] = string(w)
	}
	c.add(pointer, strings.TrimPrefix(pointer, "/")+" is not known", "one of "+strings.Join(words, ", "), string(got))
}

// template checks a text with variables; it returns nil if it is none.
func (c *checker) template(pointer, text string, references, body bool) template {
	t, err := parse(text, references)
	if err != nil {
		c.add(pointer, err.Error(), "", text)
		return nil
	}
	c.wrong = append(c.wrong, t.unknown(pointer, c.where, body)...)
	for _, name := range t.references() {
		c.reference(pointer, name)
	}
	return t
}

func (c *checker) reference(pointer, name string) {
	if strings.Contains(name, ":") {
		c.add(pointer, "this is not the name of a variable", "letters, digits and \"_\": \"${API_TOKEN}\"", "${"+name+"}")
		return
	}
	if c.where.Env != nil && !c.where.Env(name) {
		c.add(pointer, fmt.Sprintf("${%s} has no value", name), "a variable that is set in the task's environment (ratchet task env set TASK "+name+"=…)", "${"+name+"}")
	}
}

// example is the template with a letter for each variable.
func (t template) example() string {
	text, err := t.render(func(string, string) (string, error) { return "x", nil }, nil)
	if err != nil {
		return ""
	}
	return text
}

func (c *checker) webhook() {
	c.url()
	c.headers()
	c.auth()
	c.secrets()
	switch strings.ToUpper(c.d.Method) {
	case "", "POST", "PUT", "PATCH", "GET", "DELETE":
	default:
		c.add("/method", "method is not known", "POST, PUT, PATCH, DELETE or, without a body, GET", c.d.Method)
	}
	if len(c.d.RetryOn) > 50 {
		c.add("/retryOn", "retryOn has too many statuses", "at most 50", strconv.Itoa(len(c.d.RetryOn)))
	}
	for i, status := range c.d.RetryOn {
		if status < 300 || status > 599 || status == 410 {
			c.add(fmt.Sprintf("/retryOn/%d", i), "this status is never tried again", "300 to 599, but for 410, which says that the receiver wants no more", strconv.Itoa(status))
		}
	}
}

func (c *checker) url() {
	const example = `such as "https://example.com/hooks/{{task_name}}"`
	if c.d.URL == "" {
		c.add("/url", "url is missing", "an http or https URL, "+example, "")
		return
	}
	if len(c.d.URL) > MaxURL {
		c.add("/url", "url is too long", fmt.Sprintf("at most %d bytes", MaxURL), "")
		return
	}
	t := c.template("/url", c.d.URL, true, false)
	if t == nil || len(t) > 1 && t[0].text == "" && t[1].reference != "" {
		return // all of it is a variable of the environment, or begins with one
	}
	_, rest, found := strings.Cut(t[0].text, "://")
	host, _, whole := strings.Cut(strings.ReplaceAll(rest, "?", "/"), "/")
	if len(t) > 1 && (!found || !whole || host == "") {
		c.add("/url", "the scheme and the host of the URL must stand there themselves", "variables behind the host only, "+example, c.d.URL)
		return
	}
	withRefs := make(map[string]string)
	for _, name := range t.references() {
		withRefs[name] = "x"
	}
	text, _ := t.render(func(string, string) (string, error) { return "x", nil }, withRefs)
	if wrong := wrongURL(text); wrong != "" {
		c.add("/url", "the URL "+wrong, "an http or https URL, "+example, c.d.URL)
	}
}

// withoutUser is a URL without what may be a password.
func withoutUser(text string) string {
	scheme, rest, found := strings.Cut(text, "://")
	if at := strings.LastIndexByte(rest, '@'); found && at >= 0 {
		return scheme + "://…" + rest[at:]
	}
	return text
}

// wrongURL says what is wrong with a URL that is filled in; empty: nothing.
func wrongURL(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "cannot be read"
	case u.Scheme != "http" && u.Scheme != "https":
		return "is not of http or https"
	case u.Hostname() == "":
		return "names no host"
	case u.User != nil:
		return "has a user name in it: use auth"
	case u.Fragment != "" || strings.Contains(text, "#"):
		return `has a part behind "#", which is never sent`
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "has a space or a control character in it"
	}
	return ""
}

// reserved are headers that are not a destination's to set.
const reserved = " host content-length content-type transfer-encoding connection keep-alive te trailer upgrade expect accept-encoding webhook-id webhook-timestamp webhook-signature "

// credentials are headers whose values are secrets.
const credentials = " authorization proxy-authorization cookie x-api-key api-key x-auth-token x-access-token x-csrf-token private-token x-gitlab-token x-vault-token ocp-apim-subscription-key "

func (c *checker) headers() {
	if len(c.d.Headers) > MaxHeaders {
		c.add("/headers", "there are too many headers", fmt.Sprintf("at most %d", MaxHeaders), strconv.Itoa(len(c.d.Headers)))
		return
	}
	for name, value := range c.d.Headers {
		pointer := "/headers/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
		lower := " " + strings.ToLower(name) + " "
		switch {
		case !validToken(name):
			c.add(pointer, "this is not the name of a header", `letters, digits and "-"`, name)
		case strings.Contains(reserved, lower):
			c.add(pointer, "this header is set by Ratchet", "contentType for Content-Type; the others cannot be set", name)
		case len(value) > MaxHeader || inLine(value) != value:
			c.add(pointer, "the value is not that of a header", "one line of at most 4096 bytes", "")
		case strings.Contains(credentials, lower) && !strings.Contains(value, "${"):
			c.add(pointer, "this header holds a secret, which would be shown to everybody who sees the job", `auth, which is kept encrypted, or a variable of the task's environment: "${NAME}"`, "")
		default:
			c.template(pointer, value, true, false)
		}
	}
}

func validToken(name string) bool {
	return name != "" && len(name) <= 200 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!#$%&'*+^`|~") == ""
}

func (c *checker) auth() {
	a := c.d.Auth
	if a == nil {
		return
	}
	n := 0
	if a.Bearer != "" {
		n++
	}
	if a.Basic != nil {
		n++
		if a.Basic.Username == "" || strings.ContainsAny(a.Basic.Username, ":\r\n\x00") {
			c.add("/auth/basic/username", "username is missing, or has a colon or a line break in it", "a user name", a.Basic.Username)
		}
		if a.Basic.Password == "" {
			c.add("/auth/basic/password", "password is missing", `the password, or "${NAME}"`, "")
		}
	}
	if a.APIKey != nil {
		n++
		if a.APIKey.Header != "" && (!validToken(a.APIKey.Header) || strings.Contains(reserved, " "+strings.ToLower(a.APIKey.Header)+" ")) {
			c.add("/auth/apiKey/header", "this is not the name of a header that can be set", `one such as "X-API-Key"`, a.APIKey.Header)
		}
		if a.APIKey.Key == "" {
			c.add("/auth/apiKey/key", "key is missing", `the key, or "${NAME}"`, "")
		}
	}
	if n != 1 {
		c.add("/auth", fmt.Sprintf("auth has %d ways to say who sends", n), `one of bearer, basic and apiKey, such as {"bearer": "${API_TOKEN}"}`, "")
	}
}

// secrets checks everything that is one.
func (c *checker) secrets() {
	if len(c.d.Secrets) > MaxSecrets {
		c.add("/secrets", "there are too many secrets", fmt.Sprintf("at most %d: the new one, and those that receivers still check by", MaxSecrets), strconv.Itoa(len(c.d.Secrets)))
	}
	signing := "/secrets/"
	for i, s := range c.d.Secrets {
		if s == "" {
			c.add(signing+strconv.Itoa(i), "the secret is empty", `"whsec_…", "whsk_…" or "${NAME}"`, "")
		}
	}
	clone := c.d.CloneSecrets()
	clone.EachSecret(func(pointer string, s ratchet.Secret) ratchet.Secret {
		name, reference := s.Reference()
		switch {
		case reference:
			c.reference(pointer, name)
		case s.Hidden():
			c.add(pointer, "this is what is shown in place of a secret", "the secret itself", "***")
		case s.Sealed():
			if !c.where.Kept {
				c.add(pointer, "this is how a secret is kept, not how it is given", "the secret itself", "")
			}
		case c.where.Bundle:
			c.add(pointer, "a task's metadata is read by everybody who has the task, and must not hold secrets", `a variable of the task's environment: "${NAME}", set by "ratchet task env set"`, "")
		case len(s) > MaxHeader || inLine(string(s)) != string(s):
			c.add(pointer, "the secret has a line break or control character in it, or is longer than 4096 bytes", "one line", "")
		case strings.HasPrefix(pointer, signing):
			c.signingKey(pointer, string(s))
		}
		return s
	})
}

func (c *checker) signingKey(pointer, text string) {
	const expected = `"whsec_" and 24 to 64 bytes in base64, or "whsk_" and an Ed25519 key`
	k, err := webhook.ParseKey(text)
	switch {
	case err != nil:
		c.add(pointer, err.Error(), expected, "")
	case !k.CanSign():
		c.add(pointer, "a whpk_ key checks signatures and makes none", "the whsk_ key that it belongs to", "")
	}
}

func (c *checker) file() {
	const expected = `a path below delivery.root, such as "reports/{{date}}/{{job_id}}.json"`
	if c.d.Path == "" {
		c.add("/path", "path is missing", expected, "")
	} else if t := c.template("/path", c.d.Path, false, false); t != nil {
		if wrong := wrongPath(t.example()); wrong != "" {
			c.add("/path", "the path "+wrong, expected, c.d.Path)
		}
	}
	if c.d.Mode != "" {
		if n, err := strconv.ParseUint(c.d.Mode, 8, 16); err != nil || n == 0 || n > 0o777 {
			c.add("/mode", "mode is not that of a file", `an octal number from "0001" to "0777", such as "0640"`, c.d.Mode)
		}
	}
	oneOf(c, "/ifExists", c.d.IfExists, ratchet.FileFail, ratchet.FileOverwrite, ratchet.FileBackup, ratchet.FileAppend)
}

const pluginExpected = `the name of a plugin, such as "notification"`

// pluginName checks a name, if one is given. Whether there is such a plugin is told
// by the server that has them.
func (c *checker) pluginName(pointer, name string) {
	if name != "" && !ratchet.ValidPluginName(name) {
		c.add(pointer, strings.TrimPrefix(pointer, "/")+" is not a plugin's name", pluginExpected, name)
	}
}

func (c *checker) plugin() {
	if c.d.Plugin == "" {
		c.add("/plugin", "plugin is missing", pluginExpected, "")
	}
	c.pluginName("/plugin", c.d.Plugin)
	if len(c.d.Config) > MaxTemplate || len(c.d.Config) > 0 && !json.Valid(c.d.Config) {
		c.add("/config", "config is not JSON of at most 64KB", "what the plugin's own documentation says", "")
	}
}
