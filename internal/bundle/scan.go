package bundle

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A token is one word, literal or sign of JavaScript or TypeScript. This is no
// parser: it knows strings, templates, regular expressions and comments, so that
// what is left can be looked at without being fooled by them.
type token struct {
	kind  tokenKind
	text  string
	start int // offset of the first byte
	end   int // offset after the last
	depth int // how many brackets it stands in; a bracket has the depth outside it
	mate  int // of a bracket: the index of the other one, -1 if it has none
	line  bool
}

type tokenKind uint8

const (
	tokenName tokenKind = iota
	tokenNumber
	tokenString
	tokenTemplate // a piece of one, with its delimiters
	tokenRegexp
	tokenSign // brackets and operators
)

func (t token) is(sign string) bool    { return t.kind == tokenSign && t.text == sign }
func (t token) named(name string) bool { return t.kind == tokenName && t.text == name }

// scan splits code into tokens. It never fails: what it does not understand
// becomes signs of one character.
func scan(code string) []token {
	s := scanner{code: code}
	for s.next() {
	}
	return s.tokens
}

type scanner struct {
	code   string
	off    int
	line   bool // a line ended since the last token
	tokens []token
	open   []bracket
}

type bracket struct {
	index    int // of its token; -1 for "${"
	template bool
}

func (s *scanner) add(kind tokenKind, start int) {
	s.tokens = append(s.tokens, token{
		kind: kind, text: s.code[start:s.off], start: start, end: s.off,
		depth: len(s.open), mate: -1, line: s.line || len(s.tokens) == 0,
	})
	s.line = false
}

func (s *scanner) next() bool {
	s.space()
	if s.off >= len(s.code) {
		return false
	}
	start := s.off
	switch c := s.code[s.off]; {
	case c == '"' || c == '\'':
		s.quoted(c)
		s.add(tokenString, start)
	case c == '`':
		s.off++
		s.template(start)
	case c >= '0' && c <= '9' || c == '.' && s.digitAt(s.off+1):
		s.number()
		s.add(tokenNumber, start)
	case c == '/' && s.regexpAllowed() && s.regexp():
		s.add(tokenRegexp, start)
	case isNamePart(c) || c == '\\':
		for s.off < len(s.code) && (isNamePart(s.code[s.off]) || s.code[s.off] == '\\') && (s.off == start || s.blank() == 0) {
			s.off++
		}
		s.add(tokenName, start)
	case c == '(' || c == '[' || c == '{':
		s.opening(start)
	case c == ')' || c == ']' || c == '}':
		s.closing(start)
	default:
		s.sign()
		s.add(tokenSign, start)
	}
	return true
}

// space passes blanks and comments.
func (s *scanner) space() {
	if s.off == 0 && strings.HasPrefix(s.code, "#!") {
		s.toLineEnd()
	}
	for s.off < len(s.code) {
		switch c := s.code[s.off]; {
		case c == '\n' || c == '\r':
			s.line = true
			s.off++
		case c == ' ' || c == '\t' || c == '\v' || c == '\f':
			s.off++
		case s.blank() > 0:
			s.line = s.line || strings.HasPrefix(s.code[s.off:], "\u2028") || strings.HasPrefix(s.code[s.off:], "\u2029")
			s.off += s.blank()
		case strings.HasPrefix(s.code[s.off:], "//"):
			s.toLineEnd()
		case strings.HasPrefix(s.code[s.off:], "/*"):
			end := strings.Index(s.code[s.off+2:], "*/")
			if end < 0 {
				s.off = len(s.code)
				return
			}
			s.line = s.line || strings.ContainsAny(s.code[s.off:s.off+2+end], "\n\r")
			s.off += 2 + end + 2
		default:
			return
		}
	}
}

// blank returns the length of a blank beyond ASCII, 0 if there is none.
func (s *scanner) blank() int {
	if s.code[s.off] < utf8.RuneSelf {
		return 0
	}
	if r, size := utf8.DecodeRuneInString(s.code[s.off:]); unicode.IsSpace(r) || r == '\ufeff' || r == '\u2028' || r == '\u2029' {
		return size
	}
	return 0
}

func (s *scanner) toLineEnd() {
	if end := strings.IndexAny(s.code[s.off:], "\n\r"); end >= 0 {
		s.off += end
		return
	}
	s.off = len(s.code)
}

// quoted passes a string, or what is left of its line if it has no end.
func (s *scanner) quoted(quote byte) {
	for s.off++; s.off < len(s.code); s.off++ {
		switch c := s.code[s.off]; {
		case c == quote:
			s.off++
			return
		case c == '\\':
			s.off++
		case c == '\n':
			return
		}
	}
	s.off = len(s.code)
}

// template passes a piece of a template, up to its end or the next "${".
func (s *scanner) template(start int) {
	for ; s.off < len(s.code); s.off++ {
		switch c := s.code[s.off]; {
		case c == '`':
			s.off++
			s.add(tokenTemplate, start)
			return
		case c == '\\':
			s.off++
		case c == '$' && s.off+1 < len(s.code) && s.code[s.off+1] == '{':
			s.off += 2
			s.add(tokenTemplate, start)
			s.open = append(s.open, bracket{index: -1, template: true})
			return
		}
	}
	s.off = len(s.code)
	s.add(tokenTemplate, start)
}

func (s *scanner) digitAt(off int) bool {
	return off < len(s.code) && s.code[off] >= '0' && s.code[off] <= '9'
}

func (s *scanner) number() {
	for s.off < len(s.code) {
		c := s.code[s.off]
		exponent := (c == '+' || c == '-') && (s.code[s.off-1] == 'e' || s.code[s.off-1] == 'E') && s.digitAt(s.off+1)
		if c != '.' && !isNamePart(c) && !exponent {
			return
		}
		s.off++
	}
}

// regexpAllowed reports whether a "/" here begins a regular expression, from
// what stands before it.
func (s *scanner) regexpAllowed() bool {
	if len(s.tokens) == 0 {
		return true
	}
	switch last := s.tokens[len(s.tokens)-1]; last.kind {
	case tokenNumber, tokenString, tokenRegexp:
		return false
	case tokenTemplate:
		return strings.HasSuffix(last.text, "${")
	case tokenName:
		if len(s.tokens) > 1 && (s.tokens[len(s.tokens)-2].is(".") || s.tokens[len(s.tokens)-2].is("?.")) {
			return false
		}
		return wantsValue(last.text)
	default:
		switch last.text {
		case "]", "++", "--":
			return false
		case ")":
			return last.mate > 0 && isHead(s.tokens[last.mate-1])
		case "}":
			return last.mate < 0 || !s.endsValue(last.mate)
		}
		return true
	}
}

// wantsValue reports whether a value follows the word.
func wantsValue(word string) bool {
	switch word {
	case "return", "typeof", "instanceof", "in", "of", "new", "delete", "void", "throw", "case", "do", "else", "await", "yield", "default":
		return true
	}
	return false
}

// isHead reports whether the parenthesis after t belongs to a statement.
func isHead(t token) bool {
	return t.named("if") || t.named("while") || t.named("for") || t.named("with")
}

// endsValue reports whether the braces opened at token i are an object or a
// function that is a value, rather than a block.
func (s *scanner) endsValue(i int) bool {
	if i == 0 {
		return false
	}
	switch before := s.tokens[i-1]; before.kind {
	case tokenSign:
		switch before.text {
		case ";", "{", "}", "=>":
			return before.text == "=>"
		case ")":
			// A function's body is a value if "function" stands where one is wanted.
			for j := before.mate - 1; j >= 0 && j >= before.mate-4; j-- {
				if t := s.tokens[j]; t.named("function") {
					return j > 0 && !s.tokens[j].line && !s.tokens[j-1].is(";") && !s.tokens[j-1].is("}") && !s.tokens[j-1].is("{")
				}
			}
			return false
		case ":":
			return true
		}
		return true
	case tokenName:
		return wantsValue(before.text) && before.text != "do" && before.text != "else"
	default:
		return false
	}
}

// regexp passes a regular expression; it reports false, and passes nothing, if
// the line ends first.
func (s *scanner) regexp() bool {
	class := false
	for i := s.off + 1; i < len(s.code); i++ {
		switch c := s.code[i]; {
		case c == '\n' || c == '\r':
			return false
		case c == '\\':
			i++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			if i == s.off+1 {
				return false
			}
			for i++; i < len(s.code) && isNamePart(s.code[i]); i++ {
			}
			s.off = i
			return true
		}
	}
	return false
}

func (s *scanner) opening(start int) {
	s.off++
	s.add(tokenSign, start)
	s.open = append(s.open, bracket{index: len(s.tokens) - 1})
}

func (s *scanner) closing(start int) {
	s.off++
	if n := len(s.open); n > 0 {
		last := s.open[n-1]
		if last.template && s.code[start] == '}' {
			s.open = s.open[:n-1]
			s.template(start)
			return
		}
		if last.index >= 0 && pairs(s.tokens[last.index].text[0], s.code[start]) {
			s.open = s.open[:n-1]
			s.add(tokenSign, start)
			s.tokens[len(s.tokens)-1].mate = last.index
			s.tokens[last.index].mate = len(s.tokens) - 1
			return
		}
	}
	s.add(tokenSign, start)
}

func pairs(opening, closing byte) bool {
	return opening == '(' && closing == ')' || opening == '[' && closing == ']' || opening == '{' && closing == '}'
}

// sign passes an operator; only those are joined that matter to a reader of
// tokens.
func (s *scanner) sign() {
	for _, joined := range [...]string{"=>", "?.", "...", "++", "--", "===", "!==", "==", "!=", "<=", ">=", "&&", "||", "??"} {
		if strings.HasPrefix(s.code[s.off:], joined) && !(joined == "?." && s.digitAt(s.off+2)) {
			s.off += len(joined)
			return
		}
	}
	_, size := utf8.DecodeRuneInString(s.code[s.off:])
	s.off += size
}

func isNamePart(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c == '#' || c >= utf8.RuneSelf
}
