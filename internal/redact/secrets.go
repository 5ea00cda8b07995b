package redact

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// minInText is from how many bytes on a secret is looked for inside texts. A
// shorter one would shred them: it is replaced only where it is a whole value.
const minInText = 4

// MinLearnt is the same for what is known from headers only, where much is no
// secret; what is shorter is replaced in headers only.
const MinLearnt = 8

// Secrets knows what must not be written down, and the placeholder that stands
// in its place. The same machinery, the other way round, puts values back.
type Secrets struct {
	list    []secret          // to look for in texts, longest value first
	starts  [256]bool         // what a match can begin with
	whole   map[string]string // placeholder of a value that is one as a whole
	parts   map[string]string // the same for secret parts of headers, of any length
	taken   map[string]bool   // placeholders that have a value
	numbers map[string]int    // of headers and cookies, by name: the last one given
	pieces  []piece           // of base64 texts that hold a secret
}

type secret struct{ value, placeholder string }

// placeholder is what stands for a secret. It needs no escape in JSON, in a
// header or in a query.
func placeholder(name string) string { return "{{secret:" + name + "}}" }

// PlaceholderStart is what every placeholder begins with.
const PlaceholderStart = "{{secret:"

// PlaceholderLen is the length of the placeholder that text begins with, or 0.
func PlaceholderLen[T string | []byte](text T) int {
	if len(text) < len(PlaceholderStart) || string(text[:len(PlaceholderStart)]) != PlaceholderStart {
		return 0
	}
	for i := len(PlaceholderStart); i < len(text); i++ {
		switch c := text[i]; {
		case c == '}' && i > len(PlaceholderStart) && i+1 < len(text) && text[i+1] == '}':
			return i + 2
		case !nameByte(c):
			return 0
		}
	}
	return 0
}

// IsPlaceholder reports whether a text is a placeholder and nothing else.
func IsPlaceholder(text string) bool { return text != "" && PlaceholderLen(text) == len(text) }

func nameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.'
}

// New returns a Secrets that knows none.
func New() *Secrets {
	s := &Secrets{whole: map[string]string{}, parts: map[string]string{}, taken: map[string]bool{}, numbers: map[string]int{}}
	s.starts['%'], s.starts['\\'] = true, true
	s.starts['{'] = true // of placeholders, which stay
	return s
}

// Placeholders returns what stands for the values of env. The same value has the
// same placeholder; an empty one is no secret and has none.
func Placeholders(env map[string]string) map[string]string {
	byValue, byName, known := map[string]string{}, map[string]string{}, map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		value := env[name]
		if value != "" && byValue[value] == "" {
			byValue[value] = placeholder(safeName(name))
			if u, ok := httpURL(value); ok {
				byValue[value] = standIn(u, name, known)
			}
		}
		byName[name] = byValue[value]
	}
	return byName
}

// safeName is name in characters that a placeholder can have.
func safeName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x80 && nameByte(byte(r)) {
			return r
		}
		return '_'
	}, name)
}

// Add has value replaced by the placeholder from now on, in base64 too if asked
// for.
func (s *Secrets) Add(value, placeholder string, inBase64 bool) {
	if value == "" || s.whole[value] != "" {
		return
	}
	s.whole[value] = placeholder
	s.taken[placeholder] = true
	if len(value) < minInText {
		return
	}
	s.listed(value, placeholder)
	if latin, ok := latin1(value); ok { // as btoa takes it
		s.listed(latin, placeholder)
	}
	if inBase64 {
		s.pieces = append(s.pieces, piecesOf(value)...)
	}
}

// listed has value looked for in texts.
func (s *Secrets) listed(value, placeholder string) {
	at, _ := slices.BinarySearchFunc(s.list, value, func(x secret, v string) int {
		return cmp.Or(cmp.Compare(len(v), len(x.value)), -1) // longest first; equals in the order they came
	})
	s.list = slices.Insert(s.list, at, secret{value, placeholder})
	s.starts[value[0]] = true
	switch value[0] {
	case ' ':
		s.starts['+'] = true
	case '\n', '\r':
		s.starts['\n'], s.starts['\r'] = true, true
	}
}

// AddEnv adds the values of env with their placeholders.
func (s *Secrets) AddEnv(env, placeholders map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if p := placeholders[name]; p != "" {
			s.Add(env[name], p, true)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(env)) { // after all, for one may be another trimmed
		if p := placeholders[name]; p != "" {
			for _, value := range variants(env[name]) {
				s.Add(value, p, true)
			}
			for _, pair := range Ancestors(env[name], p) {
				s.Add(pair[0], pair[1], true)
			}
		}
	}
}

// variants are what tasks make of a value before they use it.
func variants(value string) []string {
	const space = " \t\r\n\v\f\u00a0\ufeff"
	return []string{strings.Trim(value, space), strings.TrimRight(value, space), strings.TrimLeft(value, space)}
}

// Number returns a new placeholder for a value of that header or cookie.
func (s *Secrets) Number(kind string) string {
	for {
		s.numbers[kind]++
		if p := placeholder(fmt.Sprintf("%s-%d", safeName(kind), s.numbers[kind])); !s.taken[p] {
			return p
		}
	}
}

// Text replaces the secrets in a text of any sort: as they are, percent-encoded,
// escaped as in JSON, or in base64.
func (s *Secrets) Text(text string) string {
	if p := s.whole[text]; p != "" {
		return p
	}
	return string(s.bytes([]byte(text)))
}

func (s *Secrets) bytes(text []byte) []byte {
	return s.plain(s.base64(text), asIs)
}

// JSON is bytes for a JSON text, which stays one: a number that is or holds a
// secret becomes a string. Short secrets are replaced where they are a whole
// string.
func (s *Secrets) JSON(text []byte) []byte {
	if len(s.whole) == 0 || !json.Valid(text) {
		return s.bytes(text)
	}
	text = s.base64(text)
	var out []byte
	for i := 0; i < len(text); {
		n := tokenLen(text[i:])
		token := text[i : i+n]
		i += n
		switch c := token[0]; {
		case c == '"':
			out = append(append(append(out, '"'), s.jsonString(token, text[i:])...), '"')
		case c == '-' || c >= '0' && c <= '9':
			if p := s.whole[string(token)]; p != "" {
				out = append(out, quoted(p)...)
			} else if r := s.plain(token, asIs); string(r) != string(token) {
				out = append(out, quoted(string(r))...)
			} else {
				out = append(out, token...)
			}
		default:
			out = append(out, token...)
		}
	}
	return out
}

// jsonString is what goes between the quotes of a string token; rest follows it.
// The string may hold JSON itself.
func (s *Secrets) jsonString(token, rest []byte) []byte {
	inner := token[1 : len(token)-1]
	value := string(inner)
	escaped := bytes.IndexByte(inner, '\\') >= 0
	if escaped && json.Unmarshal(token, &value) != nil {
		return s.plain(inner, escapeJSON)
	}
	isKey := bytes.HasPrefix(bytes.TrimLeft(rest[:min(len(rest), 32)], " \t\r\n"), []byte(":"))
	if p := s.whole[value]; p != "" && !isKey {
		return []byte(escapeJSON(p))
	}
	if !escaped {
		return s.plain(inner, escapeJSON)
	}
	if hidden := string(s.Body("", []byte(value))); hidden != value {
		return []byte(escapeJSON(hidden))
	}
	return inner
}

// tokenLen is the length of the string, number or other byte that a valid JSON
// text goes on with.
func tokenLen(text []byte) int {
	switch c := text[0]; {
	case c == '"':
		for i := 1; ; i++ {
			switch text[i] {
			case '\\':
				i++
			case '"':
				return i + 1
			}
		}
	case c == '-' || c >= '0' && c <= '9':
		i := 1
		for i < len(text) && strings.IndexByte("0123456789.eE+-", text[i]) >= 0 {
			i++
		}
		return i
	}
	return 1
}

func asIs(s string) string { return s }

// quoted is s as a JSON string.
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always can be
	return strings.TrimSuffix(b.String(), "\n")
}

// escapeJSON is s as it stands between the quotes of a JSON string.
func escapeJSON(s string) string {
	q := quoted(s)
	return q[1 : len(q)-1]
}

// Body is bytes for a body, by its content type.
func (s *Secrets) Body(contentType string, body []byte) []byte {
	kind, _, _ := strings.Cut(strings.ToLower(contentType), ";")
	switch kind = strings.TrimSpace(kind); {
	case len(body) == 0:
		return body
	case kind == "application/json" || strings.HasSuffix(kind, "+json"):
		return s.JSON(body)
	case kind == "application/x-www-form-urlencoded":
		return []byte(s.params(s.Text(string(body))))
	case s.whole[string(body)] != "":
		return []byte(s.whole[string(body)])
	case body[0] == '{' || body[0] == '[':
		return s.JSON(body) // which many servers call text/plain
	}
	return s.bytes(body)
}

// URL is text for a URL, in which short secrets are replaced where they are the
// value of a parameter.
func (s *Secrets) URL(u string) string {
	base, query, found := strings.Cut(s.Text(u), "?")
	if !found {
		return base
	}
	query, fragment, hash := strings.Cut(query, "#")
	u = base + "?" + s.params(query)
	if hash {
		u += "#" + fragment
	}
	return u
}

// params replaces the values of name=value&… that are secrets as a whole.
func (s *Secrets) params(text string) string {
	parts := strings.Split(text, "&")
	for i, part := range parts {
		name, value, found := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(value); found && err == nil && s.whole[plain] != "" {
			parts[i] = name + "=" + s.whole[plain]
		}
	}
	return strings.Join(parts, "&")
}

// SecretHeader reports whether the values of headers of that name, in lower case,
// are secrets: X-API-Key, X-Auth-Token, Ocp-Apim-Subscription-Key and their like.
func SecretHeader(name string) bool {
	name = strings.ReplaceAll(name, "_", "-")
	switch name {
	case "idempotency-key", "x-idempotency-key", "surrogate-key", "cache-key", "x-cache-key", "sec-websocket-key":
		return false
	}
	if strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
		return true
	}
	for _, end := range []string{
		"key", "apikey", "auth", "authentication", "token", "secret", "signature", "signature-256",
		"password", "passwd", "credential", "credentials", "session", "session-id", "sessionid",
	} {
		if rest, found := strings.CutSuffix(name, end); found && (rest == "" || rest[len(rest)-1] == '-') {
			return true
		}
	}
	return false
}

// EachSecret returns the header's value with each part of it that is secret
// replaced by what f says: the credentials after the scheme of an Authorization,
// the value of each cookie, else the whole. kind is what the part is called by.
func EachSecret(name, value string, f func(kind, part string) string) string {
	name = strings.ToLower(name)
	switch {
	case name == "cookie":
		pairs := strings.Split(value, ";")
		for i := range pairs {
			pairs[i] = cookie(pairs[i], f)
		}
		return strings.Join(pairs, ";")
	case name == "set-cookie":
		pair, rest, more := strings.Cut(value, ";")
		if pair = cookie(pair, f); more {
			pair += ";" + rest
		}
		return pair
	case name == "authorization" || name == "proxy-authorization":
		scheme, credentials, found := strings.Cut(value, " ")
		if !found {
			return f("header-"+name, value)
		}
		return scheme + " " + f("header-"+name, credentials)
	case SecretHeader(name):
		return f("header-"+name, value)
	}
	return value
}

func cookie(pair string, f func(kind, part string) string) string {
	name, value, found := strings.Cut(pair, "=")
	if !found || value == "" {
		return pair
	}
	return name + "=" + f("cookie-"+strings.TrimSpace(name), value)
}

// Header returns the value with its secrets replaced. Secret parts that are not
// known yet are named by unknown, which may register them.
func (s *Secrets) Header(name, value string, unknown func(kind, part string) string) string {
	return s.Text(EachSecret(name, value, func(kind, part string) string {
		if p, known := s.part(part); known {
			return p
		}
		return unknown(kind, part)
	}))
}

// part returns what stands for a secret part of a header, if that is known.
func (s *Secrets) part(part string) (placeholder string, known bool) {
	if part == "" || IsPlaceholder(part) {
		return part, true
	}
	if p := s.parts[part]; p != "" {
		return p, true
	}
	p := s.Text(part)
	return p, IsPlaceholder(p)
}

// Learn registers a secret part of a header under the placeholder. One that the
// task sent is looked for in base64 texts too.
func (s *Secrets) Learn(part, placeholder string, sent bool) {
	for _, value := range []string{s.Text(part), part} { // with and without the secrets in it
		s.parts[value] = placeholder
		s.taken[placeholder] = true
		if len(value) >= MinLearnt {
			s.Add(value, placeholder, sent)
		}
	}
	if password, ok := basicPassword(part); ok && strings.Contains(placeholder, "authorization") && s.Text(password) == password {
		s.Add(password, PasswordOf(placeholder), sent)
	}
}

// PasswordOf is what stands for the password in the credentials for which the
// placeholder stands.
func PasswordOf(placeholder string) string {
	return strings.TrimSuffix(placeholder, "}}") + "-password}}"
}

// basicPassword is the password in the credentials of the scheme Basic, if it is
// long enough to be looked for.
func basicPassword(credentials string) (string, bool) {
	plain, err := base64.StdEncoding.DecodeString(credentials)
	if err != nil {
		return "", false
	}
	_, password, found := strings.Cut(string(plain), ":")
	return password, found && len(password) >= MinLearnt && utf8.ValidString(password)
}
