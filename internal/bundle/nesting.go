package bundle

import "fmt"

// esbuild is a recursive parser. Code that nests deep enough overflows the Go
// stack, which ends the whole process, and some of its steps take time with the
// square of the depth or worse. So depth is bounded before esbuild sees the code;
// what people and tools write stays far below the bounds.
const (
	nestedBelow = 2 << 10 // bytes of a file that cannot nest too deep
	maxNesting  = 2_000   // brackets, and what leans on what follows
	maxArrows   = 200     // of "=>" that lean on each other
	maxLinks    = 50_000  // of a chain of members and calls
)

// checkNesting refuses source that would be dangerous to parse.
func checkNesting(code string) error {
	if len(code) <= nestedBelow {
		return nil
	}
	leaning, arrows, links := 0, 0, 0
	tokens := scan(code)
	for i, t := range tokens {
		if t.depth+leaning > maxNesting || arrows > maxArrows || links > maxLinks {
			line, column, _ := position([]byte(code), t.start)
			return fmt.Errorf("the code nests too deep at line %d, column %d", line, column)
		}
		switch {
		case t.is(";") || t.is(",") || t.is("}"):
			if i+1 == len(tokens) || !tokens[i+1].named("else") {
				leaning, arrows, links = 0, 0, 0
			}
		case t.is("=>"):
			arrows++
			leaning++
		case t.is(".") || t.is("?.") || t.is(")") || t.is("]"):
			links++
		case leans(tokens, i):
			leaning++
		}
	}
	return nil
}

// leans reports whether the token at i begins something that only ends where
// what follows ends: "!", "?", "if" and their like.
func leans(tokens []token, i int) bool {
	t := tokens[i]
	if t.kind == tokenName {
		switch t.text {
		case "typeof", "void", "delete", "await", "yield", "new", "if", "else", "for", "while", "do", "with", "async", "throw", "return", "extends", "keyof", "infer":
			return true
		}
		return false
	}
	if t.kind != tokenSign {
		return false
	}
	switch t.text {
	case "!", "~", "?", ":", "=", "**", "??=", "||=", "&&=", "...", "@", "<":
		return true
	case "+", "-", "++", "--":
		return i == 0 || tokens[i-1].kind == tokenSign && !tokens[i-1].is(")") && !tokens[i-1].is("]") && !tokens[i-1].is("}")
	}
	return false
}
