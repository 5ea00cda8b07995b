package js

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	lib "modernc.org/libquickjs"
)

// encodingFuncs are the host functions of prelude/encoding.js.
func encodingFuncs() map[string]Func {
	return map[string]Func{
		// utf8Encode(text) is an ArrayBuffer.
		"utf8Encode": func(c *Call) error {
			c.ReturnBytes([]byte(scalar(c.String(0))))
			return nil
		},
		// utf8EncodeInto(text, bytes) is [code units read, bytes written].
		"utf8EncodeInto": func(c *Call) error {
			read, written := encodeInto(scalar(c.String(0)), c.Bytes(1))
			c.returnList(numberValue(float64(read)), numberValue(float64(written)))
			return nil
		},
		// encodingName(label) is the encoding's name, or empty.
		"encodingName": func(c *Call) error {
			c.ReturnString(encodingName(c.String(0)))
			return nil
		},
		// decode(encoding, bytes, fatal) is the text.
		"decode": func(c *Call) error {
			text, _, ok := decodeText(c.String(0), c.Bytes(1), true)
			if !ok && c.Bool(2) {
				return errEncoding(c.String(0))
			}
			c.ReturnString(text)
			return nil
		},
		// decodeSome(encoding, bytes, fatal) is [text, bytes of a character
		// that has not ended].
		"decodeSome": func(c *Call) error {
			text, rest, ok := decodeText(c.String(0), c.Bytes(1), false)
			if !ok && c.Bool(2) {
				return errEncoding(c.String(0))
			}
			tail := []byte(string(rest))
			c.returnList(c.vm.newString(text), c.vm.newBytes(tail))
			return nil
		},
		// atob(text) is a string of bytes, or null.
		"atob": func(c *Call) error {
			b, ok := forgivingBase64(c.String(0))
			if !ok {
				c.ReturnNull()
				return nil
			}
			c.ReturnString(latin1(b))
			return nil
		},
		// btoa(text) is base64, or null where a character is no byte.
		"btoa": func(c *Call) error {
			text := c.String(0)
			b := make([]byte, 0, len(text))
			for _, r := range text {
				if r > 0xFF {
					c.ReturnNull()
					return nil
				}
				b = append(b, byte(r))
			}
			c.ReturnString(base64.StdEncoding.EncodeToString(b))
			return nil
		},
	}
}

// returnList makes a new array of values the result.
func (c *Call) returnList(list ...value) {
	a := lib.XJS_NewArray(c.vm.tls, c.vm.ctx)
	for i, v := range list {
		lib.XJS_SetPropertyUint32(c.vm.tls, c.vm.ctx, a, uint32(i), v)
	}
	c.result = a
}

func errEncoding(name string) error {
	return &Exception{Name: "TypeError", Message: "the bytes are not valid " + name}
}

// scalar replaces each lone surrogate of a WTF-8 string by U+FFFD, which is as
// long.
func scalar(s string) string {
	i := loneSurrogate(s)
	if i < 0 {
		return s
	}
	b := []byte(s)
	for ; i >= 0; i = loneSurrogate(s) {
		at := len(b) - len(s) + i
		copy(b[at:], "\uFFFD")
		s = s[i+3:]
	}
	return string(b)
}

// loneSurrogate is where the first encoded surrogate of s is, or -1.
func loneSurrogate(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], 0xED)
		if i < 0 {
			return -1
		}
		from += i
		if from+2 < len(s) && s[from+1] >= 0xA0 {
			return from
		}
		from++
	}
}

func encodeInto(s string, into []byte) (read, written int) {
	for _, r := range s {
		n := utf8.RuneLen(r)
		if written+n > len(into) {
			break
		}
		utf8.EncodeRune(into[written:], r)
		written += n
		read += utf16.RuneLen(r)
	}
	return read, written
}

// encodingName resolves a label: https://encoding.spec.whatwg.org/#names-and-labels.
func encodingName(label string) string {
	switch strings.ToLower(strings.Trim(label, "\t\n\f\r ")) {
	case "utf-8", "utf8", "unicode-1-1-utf-8", "unicode11utf8", "unicode20utf8", "x-unicode20utf8":
		return "utf-8"
	case "utf-16le", "utf-16", "ucs-2", "unicode", "unicodefeff", "csunicode", "iso-10646-ucs-2":
		return "utf-16le"
	case "utf-16be", "unicodefffe":
		return "utf-16be"
	case "windows-1252", "latin1", "iso-8859-1", "ascii", "us-ascii", "cp1252", "x-cp1252", "l1", "cp819", "ibm819",
		"ansi_x3.4-1968", "csisolatin1", "iso-ir-100", "iso8859-1", "iso88591", "iso_8859-1", "iso_8859-1:1987":
		return "windows-1252"
	}
	return ""
}

// decodeText decodes b. Unless last, a character begun at the end is left as
// rest. ok is false where something had to be replaced by U+FFFD.
func decodeText(encoding string, b []byte, last bool) (text string, rest []byte, ok bool) {
	switch encoding {
	case "utf-16le":
		return decodeUTF16(b, 0, last)
	case "utf-16be":
		return decodeUTF16(b, 1, last)
	case "windows-1252":
		return windows1252(b), nil, true
	}
	return decodeUTF8(b, last)
}

// decodeUTF8 replaces, as the web does, each longest run of bytes that could
// begin a character by one U+FFFD.
func decodeUTF8(b []byte, last bool) (text string, rest []byte, ok bool) {
	if utf8.Valid(b) {
		return string(b), nil, true
	}
	ok = true
	out := make([]byte, 0, len(b)+8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r != utf8.RuneError || n == 3 {
			out, b = append(out, b[:n]...), b[n:]
			continue
		}
		n = begunUTF8(b)
		if n == len(b) && !last && !utf8.FullRune(b) {
			return string(out), b, ok
		}
		out, b, ok = append(out, "\uFFFD"...), b[n:], false
	}
	return string(out), nil, ok
}

// begunUTF8 is how many bytes of b, whose first character is wrong or cut
// short, belong together: at least one.
func begunUTF8(b []byte) int {
	need, low, high := 0, byte(0x80), byte(0xBF)
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		need = 1
	case c >= 0xE0 && c <= 0xEF:
		need = 2
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 3
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	}
	n := 1
	for n <= need && n < len(b) && b[n] >= low && b[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}

func decodeUTF16(b []byte, bigEndian int, last bool) (text string, rest []byte, ok bool) {
	ok = true
	out := make([]byte, 0, len(b))
	unit := func(i int) rune { return rune(b[i+1-bigEndian])<<8 | rune(b[i+bigEndian]) }
	i := 0
	for ; i+1 < len(b); i += 2 {
		r := unit(i)
		switch {
		case r < 0xD800 || r > 0xDFFF:
			out = utf8.AppendRune(out, r)
			continue
		case r < 0xDC00 && i+3 < len(b):
			if pair := utf16.DecodeRune(r, unit(i+2)); pair != utf8.RuneError {
				out = utf8.AppendRune(out, pair)
				i += 2
				continue
			}
		case r < 0xDC00 && !last:
			return string(out), b[i:], ok
		case r < 0xDC00:
			// With an odd byte behind it, one replacement stands for both.
			return string(append(out, "\uFFFD"...)), nil, false
		}
		out, ok = append(out, "\uFFFD"...), false
	}
	if i == len(b) {
		return string(out), nil, ok
	}
	if !last {
		return string(out), b[i:], ok
	}
	return string(append(out, "\uFFFD"...)), nil, false
}

// windows1252 decodes what the web means by latin1, ascii and iso-8859-1.
func windows1252(b []byte) string {
	const upper = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ"
	table := []rune(upper)
	var out strings.Builder
	out.Grow(len(b) + len(b)/8)
	for _, c := range b {
		if c >= 0x80 && c < 0xA0 {
			out.WriteRune(table[c-0x80])
		} else {
			out.WriteRune(rune(c))
		}
	}
	return out.String()
}

// latin1 is a string whose code units are the bytes.
func latin1(b []byte) string {
	out := make([]byte, 0, len(b)+len(b)/2)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return string(out)
}

// forgivingBase64 implements https://infra.spec.whatwg.org/#forgiving-base64-decode.
func forgivingBase64(s string) ([]byte, bool) {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune("\t\n\f\r ", r) {
			return -1
		}
		return r
	}, s)
	if len(s)%4 == 0 {
		s = strings.TrimSuffix(s, "=")
		if len(s)%4 == 3 {
			s = strings.TrimSuffix(s, "=")
		}
	}
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil
}
