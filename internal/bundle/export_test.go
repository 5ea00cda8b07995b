package bundle

import ratchet "github.com/ratchet-runner/ratchet-go"

// What the tests see of the inside.

func ParseMetadata(data []byte) (Metadata, []ratchet.Detail) {
	f := &findings{}
	m, _ := parseMetadata(metadataFile, data, "task", f)
	return m, f.problems
}

func ReadsFetchDirectly(code string) bool {
	f := readForm(code)
	return f.readsFetchDirectly()
}

func ReadArchive(data []byte) (map[string][]byte, error) {
	files, err := readArchive(data)
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
