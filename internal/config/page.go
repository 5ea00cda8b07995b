package config

import (
	"fmt"
	"strings"
)

// Markdown is the page docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	b.WriteString(`# Configuration

<!-- Written by: go test ./internal/config -update -->

` + "`ratchet serve`" + ` needs no configuration. What there is to configure comes, each before the last, from

1. the defaults below,
2. a YAML file: the one that ` + "`--config`" + ` or ` + "`RATCHET_CONFIG`" + ` names, else ` + "`" + DefaultFile + "`" + ` in the working directory, if it exists,
3. variables of the environment: ` + "`RATCHET_`" + ` and the key, in capitals with ` + "`_`" + ` for the dots,
4. flags: those of ` + "`ratchet serve`" + `, and ` + "`--set KEY=VALUE`" + ` for every key.

An unknown key in the file is an error that names its line and the nearest key there is; all errors are told at once. An unknown variable is a warning.
A duration is ` + "`30s`, `1m30s`, `7d`" + ` or a number of seconds; a size is ` + "`128MB`" + ` (1 MB = 1024 KB) or a number of bytes; a list is one of YAML, and in the environment its items are parted by commas.

` + "```" + `
ratchet config show --sources     # what is in force, and where it came from
ratchet config validate FILE      # what is wrong with a file
ratchet config generate           # a file with every key, its meaning and its default
ratchet config schema             # for editors: docs/config.schema.json
` + "```" + `
`)
	keys := Keys()
	for _, s := range sections() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | default | what it is |\n|---|---|---|\n", s.Name, s.Doc)
		for _, k := range keys {
			if k.Section() != s.Name {
				continue
			}
			doc := k.Doc
			if len(k.Words) > 0 {
				doc += " One of `" + strings.Join(k.Words, "`, `") + "`."
			}
			def := "`" + k.Default + "`"
			if k.Default == "" {
				def = ""
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", k.Name, def, strings.ReplaceAll(doc, "|", `\|`))
		}
	}
	b.WriteString(oldMarkdown())
	return b.String()
}

func oldMarkdown() string {
	var b strings.Builder
	b.WriteString(`
## A file of the earlier Ratchet

Keys that mean the same are read, each with a warning that names it as it is called now. Others are passed over, with a warning that says why.

| then | now |
|---|---|
`)
	for _, list := range [][]old{oldKeys(), oldVariables()} {
		for _, o := range list {
			now := o.why
			if o.now != "" {
				now = "`" + o.now + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s |\n", o.name, now)
		}
	}
	return b.String()
}
