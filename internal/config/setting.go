package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A Kind is what values of a key look like.
type Kind string

// The kinds of keys.
const (
	KindText     Kind = "text"
	KindWord     Kind = "word" // one of a few
	KindNumber   Kind = "number"
	KindBool     Kind = "bool"
	KindDuration Kind = "duration" // "30s", "7d" or a number of seconds
	KindSize     Kind = "size"     // "128MB" or a number of bytes
	KindList     Kind = "list"     // of texts; in the environment parted by commas
	KindJSON     Kind = "json"     // in the file YAML, elsewhere JSON
)

// A setting is a key and the place of its value.
type setting struct {
	Key
	set  func(text string) error
	get  func() string
	mask func(text string) string // of a Secret
}

// under puts the settings in a section.
func under(section string, settings []setting) []setting {
	for i := range settings {
		settings[i].Name = section + "." + settings[i].Name
	}
	return settings
}

// wrong is the error of a value that is not what the key wants.
func (k Key) wrong(text string) error {
	got := strconv.Quote(text)
	if k.Secret {
		got = "another text"
	}
	return ratchet.Errorf(ratchet.ReasonConfig, "want %s, got %s", k.Wants, got)
}

func text(p *string, name, def, doc string) setting {
	return setting{
		Key: Key{Name: name, Doc: doc, Default: def, Kind: KindText, Wants: "a text"},
		set: func(s string) error { *p = s; return nil },
		get: func() string { return *p },
	}
}

// hidden makes a key one whose value is shown as mask leaves it.
func (s setting) hidden(mask func(string) string) setting {
	s.Secret, s.mask = true, mask
	return s
}

// shown is the value for people.
func (s setting) shown() string {
	if s.Secret {
		return s.mask(s.get())
	}
	return s.get()
}

func word(p *string, name, def string, words []string, doc string) setting {
	k := Key{Name: name, Doc: doc, Default: def, Kind: KindWord, Words: words, Wants: "one of " + strings.Join(words, ", ")}
	return setting{
		Key: k,
		set: func(s string) error {
			if !slices.Contains(words, strings.ToLower(s)) {
				return k.wrong(s)
			}
			*p = strings.ToLower(s)
			return nil
		},
		get: func() string { return *p },
	}
}

func number(p *int, name string, def, least, most int, doc string) setting {
	k := Key{
		Name: name, Doc: doc, Default: strconv.Itoa(def), Kind: KindNumber, Least: least, Most: most,
		Wants: fmt.Sprintf("a whole number from %d to %d", least, most),
	}
	return setting{
		Key: k,
		set: func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil || n < least || n > most {
				return k.wrong(s)
			}
			*p = n
			return nil
		},
		get: func() string { return strconv.Itoa(*p) },
	}
}

func toggle(p *bool, name string, def bool, doc string) setting {
	k := Key{Name: name, Doc: doc, Default: strconv.FormatBool(def), Kind: KindBool, Wants: "true or false"}
	return setting{
		Key: k,
		set: func(s string) error {
			switch strings.ToLower(s) {
			case "true", "yes", "on", "1":
				*p = true
			case "false", "no", "off", "0":
				*p = false
			default:
				return k.wrong(s)
			}
			return nil
		},
		get: func() string { return strconv.FormatBool(*p) },
	}
}

func span(p *time.Duration, name, def string, least, most time.Duration, doc string) setting {
	k := Key{
		Name: name, Doc: doc, Default: def, Kind: KindDuration,
		Wants: fmt.Sprintf(`a duration such as "30s" from %s to %s`, durationText(least), durationText(most)),
	}
	return setting{
		Key: k,
		set: func(s string) error {
			d, err := ratchet.ParseDuration(s)
			if err != nil || time.Duration(d) < least || time.Duration(d) > most {
				return k.wrong(s)
			}
			*p = time.Duration(d)
			return nil
		},
		get: func() string { return durationText(*p) },
	}
}

func size(p *ratchet.Size, name, def string, least, most ratchet.Size, doc string) setting {
	k := Key{
		Name: name, Doc: doc, Default: def, Kind: KindSize,
		Wants: fmt.Sprintf(`a size such as "16MB" from %s to %s`, sizeText(least), sizeText(most)),
	}
	return setting{
		Key: k,
		set: func(s string) error {
			n, err := ratchet.ParseSize(s)
			if err != nil || n < least || n > most {
				return k.wrong(s)
			}
			*p = n
			return nil
		},
		get: func() string { return sizeText(*p) },
	}
}

// list is of texts that pass check, if there is one.
func list(p *[]string, name, def, wants string, check func(string) bool, doc string) setting {
	k := Key{Name: name, Doc: doc, Default: def, Kind: KindList, Wants: "a list of " + wants}
	return setting{
		Key: k,
		set: func(s string) error {
			var items []string
			for item := range strings.SplitSeq(s, ",") {
				if item = strings.TrimSpace(item); item == "" {
					continue
				}
				if check != nil && !check(item) {
					return k.wrong(item)
				}
				items = append(items, item)
			}
			*p = items
			return nil
		},
		get: func() string { return strings.Join(*p, ",") },
	}
}

// durationText is exact, and in days where it can be.
func durationText(d time.Duration) string {
	if day := 24 * time.Hour; d >= 2*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return ratchet.Duration(d).String()
}

// sizeText is exact, in the largest unit in which it is whole.
func sizeText(n ratchet.Size) string {
	for _, u := range []struct {
		size ratchet.Size
		name string
	}{{ratchet.GB, "GB"}, {ratchet.MB, "MB"}, {ratchet.KB, "KB"}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d%s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(n))
}

// JSON is a value of the key, as text, in its JSON form, which is YAML too.
func (k Key) JSON(value string) json.RawMessage {
	var v any = value
	switch k.Kind {
	case KindNumber, KindBool, KindJSON:
		return json.RawMessage(value)
	case KindList:
		items := []string{}
		for item := range strings.SplitSeq(value, ",") {
			if item != "" {
				items = append(items, item)
			}
		}
		v = items
	default:
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // texts have a JSON form
	}
	return bytes.TrimSpace(b.Bytes())
}
