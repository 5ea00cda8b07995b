package js

import (
	"strings"
	"sync"

	whatwg "github.com/nlnwa/whatwg-url/url"
)

// urlFuncs are the host functions of prelude/url.js. A URL has no Go side: each
// call parses the text again, which costs microseconds and leaves no state.
func urlFuncs() map[string]Func {
	parser := sync.OnceValue(func() whatwg.Parser { return whatwg.NewParser() })
	return map[string]Func{
		// urlParse(text, base) is the URL's parts, or null.
		"urlParse": func(c *Call) error {
			var u *whatwg.Url
			var err error
			if c.IsUndefined(1) {
				u, err = parser().Parse(c.String(0))
			} else {
				u, err = parser().ParseRef(c.String(1), c.String(0))
			}
			if err != nil {
				c.ReturnNull()
				return nil
			}
			c.ReturnStrings(urlParts(parser(), u))
			return nil
		},
		// urlSet(href, property, value) is the parts after the assignment.
		"urlSet": func(c *Call) error {
			u, err := parser().Parse(c.String(0))
			if err != nil {
				return err
			}
			set, value := urlSetter(u, c.String(1)), c.String(2)
			set(value)
			c.ReturnStrings(urlParts(parser(), u))
			return nil
		},
		// formParse(text) is names and values in turn, of application/x-www-form-urlencoded.
		"formParse": func(c *Call) error {
			c.ReturnStrings(formParse(c.String(0)))
			return nil
		},
		// formEncode(text) is one name or value, encoded.
		"formEncode": func(c *Call) error {
			c.ReturnString(formEncode(c.String(0)))
			return nil
		},
	}
}

// urlParts lists what the getters of a URL answer, in the order url.js knows.
func urlParts(parser whatwg.Parser, u *whatwg.Url) []string {
	return []string{
		u.Href(false), u.Protocol(), u.Username(), u.Password(), u.Host(), u.Hostname(),
		u.Port(), u.Pathname(), u.Search(), u.Hash(), urlOrigin(parser, u),
	}
}

// urlOrigin serialises the origin: https://url.spec.whatwg.org/#origin.
func urlOrigin(parser whatwg.Parser, u *whatwg.Url) string {
	switch u.Scheme() {
	case "http", "https", "ws", "wss", "ftp":
		return u.Scheme() + "://" + u.Host()
	case "blob":
		inner, err := parser.Parse(u.Pathname())
		if err == nil && (inner.Scheme() == "http" || inner.Scheme() == "https") {
			return urlOrigin(parser, inner)
		}
	}
	return "null"
}

func urlSetter(u *whatwg.Url, property string) func(string) {
	switch property {
	case "protocol":
		return u.SetProtocol
	case "username":
		return u.SetUsername
	case "password":
		return u.SetPassword
	case "host":
		return u.SetHost
	case "hostname":
		return u.SetHostname
	case "port":
		return u.SetPort
	case "pathname":
		return u.SetPathname
	case "search":
		return u.SetSearch
	default:
		return u.SetHash
	}
}

// formParse implements https://url.spec.whatwg.org/#urlencoded-parsing.
func formParse(text string) []string {
	var list []string
	for part := range strings.SplitSeq(text, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		list = append(list, formDecode(name), formDecode(value))
	}
	return list
}

func formDecode(s string) string {
	if !strings.ContainsAny(s, "+%") {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch b := s[i]; {
		case b == '+':
			out = append(out, ' ')
		case b == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		default:
			out = append(out, b)
		}
	}
	text, _, _ := decodeUTF8(out, true)
	return text
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'f'
}

func unhex(b byte) byte {
	if b <= '9' {
		return b - '0'
	}
	return b | 0x20 - 'a' + 10
}

// formEncode implements the application/x-www-form-urlencoded percent-encode set.
func formEncode(s string) string {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = isFormPlain(s[i])
	}
	if plain {
		return s
	}
	const digits = "0123456789ABCDEF"
	out := make([]byte, 0, len(s)+len(s)/2)
	for i := range len(s) {
		switch b := s[i]; {
		case isFormPlain(b):
			out = append(out, b)
		case b == ' ':
			out = append(out, '+')
		default:
			out = append(out, '%', digits[b>>4], digits[b&15])
		}
	}
	return string(out)
}

func isFormPlain(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z' || b == '*' || b == '-' || b == '.' || b == '_'
}
