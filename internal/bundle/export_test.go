package bundle

import ratchet "github.com/ratchet-runner/ratchet-go"

// What the tests see of the inside.

func ParseMetadata(data []byte) (Metadata, []ratchet.Detail) {
	f := &findings{}
	m, _, _ := parseMetadata(metadataFile, data, "task", f)
	return m, f.problems
}

func ReadsFetchDirectly(code string) bool {
	f := readForm(code)
	_, direct := f.readsFetchDirectly()
	return direct
}

func ReadArchive(data []byte) (map[string][]byte, error) {
	_, files, err := readArchive("a.zip", data)
	found := map[string][]byte{}
	for _, f := range files {
		found[f.name] = f.data
	}
	return found, err
}

// Tokens returns the texts of the tokens of code.
func Tokens(code string) (texts []string) {
	end := 0
	for _, t := range scan(code) {
		if t.start < end || t.end < t.start || t.mate >= 0 && scan(code)[t.mate].mate < 0 {
			panic("tokens overlap")
		}
		end = t.end
		texts = append(texts, t.text)
	}
	readForm(code)
	return texts
}

// MatchPattern compiles the pattern and tries it on text.
func MatchPattern(text, value string) (bool, error) {
	re, err := (&stopwatch{}).compiler()(text)
	if err != nil {
		return false, err
	}
	return re.MatchString(value), nil
}

func Unreadable(name string, err error) (ratchet.Reason, string) {
	return unreadable(err), plainError(name, err).Error()
}

func NotFound(path string, err error) error { return notFound(path, err) }
