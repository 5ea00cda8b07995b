package config

import (
	"strings"
)

// Generate writes a file with every key, its default and its meaning. It gives
// the same configuration as no file.
func Generate() string {
	var b strings.Builder
	b.WriteString("# The configuration of ratchet serve. Every key may be left out; these are the\n" +
		"# defaults. Each is also a variable of the environment, such as " + Keys()[1].Env() + ",\n" +
		"# and a flag: --set " + Keys()[1].Name + "=…\n" +
		"#\n# yaml-language-server: $schema=" + SchemaURL + "\n")
	c := Default()
	t := c.tree()
	for i, s := range sections() {
		b.WriteString("\n")
		comment(&b, "", s.Doc)
		t.below[i].yaml(&b, 0, func(b *strings.Builder, k Key, indent, line string) {
			comment(b, indent, k.Doc)
			if len(k.Words) > 0 {
				comment(b, indent, "One of "+strings.Join(k.Words, ", ")+".")
			}
			b.WriteString(indent + line + "\n")
		})
	}
	return b.String()
}

// comment writes a text in lines of at most 80 columns.
func comment(b *strings.Builder, indent, text string) {
	line := indent + "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 80 {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
}
