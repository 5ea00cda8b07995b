package ratchet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// plainDestination is a Destination that encoding/json reads by itself.
type plainDestination Destination

// UnmarshalJSON reads a destination. It refuses members that it does not know,
// with a Detail for everything that is wrong, whose pointers begin at the
// destination. What the earlier Ratchet called otherwise ("filesystem",
// "timeout_seconds", "retry_policy", {"bearer": {"token": …}} and so on) is read
// as what it is called now.
func (d *Destination) UnmarshalJSON(text []byte) error {
	var p plainDestination
	if strictly(text, &p) == nil && p.Type != "filesystem" {
		*d = Destination(p)
		return nil
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return destinationError(Detail{
			Message: "a destination has the wrong type", Expected: `an object such as {"type": "webhook", "url": "https://example.com/hook"}`, Got: kindOfJSON(text),
		})
	}
	o := oldDestination{members}
	o.nested()
	o.rename()
	p = plainDestination{}
	wrong := o.strange()
	known := fieldNames(reflect.TypeFor[plainDestination]())
	for _, name := range slices.Sorted(maps.Keys(members)) {
		wrong = append(wrong, readMember(name, members[name], known, &p)...)
	}
	if len(wrong) > 0 {
		return destinationError(wrong...)
	}
	*d = Destination(p)
	return nil
}

// strange says that there is no such type, before it is said that this has members
// that the other types have not.
func (o oldDestination) strange() []Detail {
	var t DestinationType
	if json.Unmarshal(o.members["type"], &t) != nil || t == "" || slices.Contains(DestinationTypes(), t) {
		return nil // or it is told of as a member
	}
	return []Detail{NoSuchDestination(t)}
}

// NoSuchDestination says that there is no such type.
func NoSuchDestination(t DestinationType) Detail {
	return Detail{
		Pointer: "/type", Message: "there is no such type of destination", Got: string(t),
		Expected: "webhook, file, stdout, stderr or plugin (databases, object stores, queues and mail are reached through plugins)",
	}
}

func destinationError(wrong ...Detail) error {
	message := wrong[0].Message
	if wrong[0].Pointer != "" {
		message = wrong[0].Pointer + ": " + message
	}
	if wrong[0].Expected != "" {
		message += ", expected " + wrong[0].Expected
	}
	return Errorf(ReasonValidation, "%s", message).WithDetails(wrong...)
}

// strictly decodes one JSON text without members that nobody knows.
func strictly(text []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("it goes on after its end")
	}
	return nil
}

// readMember puts one member into p, or says what is wrong with it.
func readMember(name string, value json.RawMessage, known []string, p *plainDestination) []Detail {
	pointer := "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
	if !slices.Contains(known, name) {
		d := Detail{Pointer: pointer, Message: fmt.Sprintf("%q is not known here", name), Expected: "one of " + strings.Join(known, ", ")}
		if near := Nearest(name, known); near != "" {
			d.Expected = near + "? Allowed is " + d.Expected
		}
		return []Detail{d}
	}
	one, err := json.Marshal(map[string]json.RawMessage{name: value})
	if err == nil {
		err = strictly(one, p)
	}
	if err == nil {
		return nil
	}
	d := Detail{Pointer: pointer, Message: strings.TrimPrefix(err.Error(), "json: "), Got: kindOfJSON(value)}
	if typ, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if typ.Field != "" {
			d.Pointer = "/" + strings.ReplaceAll(typ.Field, ".", "/")
		}
		field := d.Pointer[strings.LastIndexByte(d.Pointer, '/')+1:]
		d.Message, d.Expected, d.Got = field+" has the wrong type", kindOfGo(typ.Type), typ.Value
	}
	return []Detail{d}
}

// fieldNames are the JSON names of a struct's fields.
func fieldNames(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func kindOfJSON(text []byte) string {
	switch text = bytes.TrimSpace(text); {
	case len(text) == 0:
		return "nothing"
	case text[0] == '{':
		return "an object"
	case text[0] == '[':
		return "an array"
	case text[0] == '"':
		return "a string"
	}
	return string(text[:min(len(text), 20)])
}

func kindOfGo(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Struct, reflect.Map, reflect.Pointer:
		return "an object"
	case reflect.Slice:
		return "an array"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "a number"
	default:
		return "a string"
	}
}

// An oldDestination is a destination as the earlier Ratchet may have written it.
type oldDestination struct{ members map[string]json.RawMessage }

// nested lifts what stood below the name of the type: {"destinationType":
// "webhook", "webhook": {"url": …}}.
func (o oldDestination) nested() {
	if v, found := o.members["destinationType"]; found && o.members["type"] == nil {
		o.members["type"] = v
		delete(o.members, "destinationType")
	}
	for _, below := range []string{"webhook", "filesystem", "stdio"} {
		var inner map[string]json.RawMessage
		if json.Unmarshal(o.members[below], &inner) != nil || inner == nil {
			continue
		}
		delete(o.members, below)
		for name, v := range inner {
			if _, both := o.members[name]; !both {
				o.members[name] = v
			}
		}
	}
	stream := o.text("stream")
	if o.text("type") == "stdio" && (stream == "stdout" || stream == "stderr") {
		o.set("type", stream)
		delete(o.members, "stream")
		for _, gone := range []string{"includeMetadata", "include_metadata", "lineBuffered", "line_buffered"} {
			delete(o.members, gone) // the envelope holds all, and lines are written whole
		}
	}
}

// rename gives members their names and forms of today.
func (o oldDestination) rename() {
	if o.text("type") == "filesystem" {
		o.set("type", string(DestinationFile))
	}
	for was, now := range map[string]string{
		"timeout_seconds": "timeout", "timeoutSeconds": "timeout", "content_type": "contentType", "retry_policy": "retry", "retryPolicy": "retry",
		"authentication": "auth", "permissions": "mode", "if_exists": "ifExists", "retry_on": "retryOn",
	} {
		if v, found := o.members[was]; found && o.members[now] == nil {
			o.members[now] = v
			delete(o.members, was)
		}
	}
	o.format()
	o.file()
	o.retry()
	o.auth()
}

// text is a member that is a string.
func (o oldDestination) text(name string) (s string) {
	_ = json.Unmarshal(o.members[name], &s) // what is none stays as it is, and is told
	return s
}

func (o oldDestination) set(name string, value any) {
	if text, err := json.Marshal(value); err == nil {
		o.members[name] = text
	}
}

// format lifts a template out of the format.
func (o oldDestination) format() {
	var form struct {
		Template string `json:"template"`
	}
	if json.Unmarshal(o.members["format"], &form) == nil && form.Template != "" {
		o.set("template", form.Template)
		delete(o.members, "format")
	} else if f := o.text("format"); f != "" {
		o.set("format", strings.ToLower(f)) // JSON, YAML, CSV
	}
}

// file turns permissions as a number, and two switches, into what they mean.
func (o oldDestination) file() {
	var mode int
	if v, found := o.members["mode"]; found && json.Unmarshal(v, &mode) == nil {
		o.set("mode", "0"+strconv.FormatInt(int64(mode), 8))
	}
	for _, name := range []string{"create_dirs", "createDirs"} { // they always are
		if string(o.members[name]) == "true" {
			delete(o.members, name)
		}
	}
	is := func(names ...string) (yes, given bool) {
		for _, name := range names {
			if v, found := o.members[name]; found && json.Unmarshal(v, &yes) == nil {
				given = true
				delete(o.members, name)
			}
		}
		return yes, given
	}
	overwrite, said := is("overwrite")
	backup, kept := is("backup_existing", "backupExisting")
	switch {
	case o.members["ifExists"] != nil || !said && !kept:
	case backup:
		o.set("ifExists", FileBackup)
	case overwrite:
		o.set("ifExists", FileOverwrite)
	}
}

// retry turns the old policy into today's, and its statuses into retryOn.
func (o oldDestination) retry() {
	var members map[string]json.RawMessage
	if json.Unmarshal(o.members["retry"], &members) != nil || members == nil {
		return
	}
	for was, now := range map[string]string{
		"max_attempts": "maxAttempts", "initial_delay": "initialDelay", "initialDelaySeconds": "initialDelay",
		"max_delay": "maxDelay", "maxDelaySeconds": "maxDelay", "backoff_multiplier": "factor", "backoffMultiplier": "factor",
	} {
		if v, found := members[was]; found && members[now] == nil {
			members[now] = v
			delete(members, was)
		}
	}
	for was, now := range map[string]string{"initial_delay_ms": "initialDelay", "max_delay_ms": "maxDelay"} {
		var ms int64
		if v, found := members[was]; found && members[now] == nil && json.Unmarshal(v, &ms) == nil {
			members[now] = json.RawMessage(strconv.Quote(strconv.FormatInt(ms, 10) + "ms"))
			delete(members, was)
		}
	}
	if v := string(members["jitter"]); v == "true" || v == "false" { // there is always some
		delete(members, "jitter")
	}
	for _, name := range []string{"retry_on_status", "retryOnStatus"} {
		if v, found := members[name]; found {
			o.members["retryOn"] = v
			delete(members, name)
		}
	}
	o.set("retry", members)
}

// auth turns {"bearer": {"token": …}}, {"api_key": …} and {"type": "bearer",
// "token": …} into today's form.
func (o oldDestination) auth() {
	var members map[string]json.RawMessage
	if json.Unmarshal(o.members["auth"], &members) != nil || members == nil {
		return
	}
	a := oldDestination{members}
	for _, name := range []string{"type", "authType"} {
		kind := strings.ReplaceAll(a.text(name), "_", "")
		if kind == "" {
			continue
		}
		delete(members, name)
		if name == "type" { // what belongs to it stands beside it
			members = map[string]json.RawMessage{kind: a.whole()}
			a = oldDestination{members}
		}
	}
	for _, name := range []string{"api_key", "apikey"} {
		if v, found := members[name]; found && members["apiKey"] == nil {
			members["apiKey"] = v
			delete(members, name)
		}
	}
	var bearer struct{ Token *string }
	if json.Unmarshal(members["bearer"], &bearer) == nil && bearer.Token != nil {
		a.set("bearer", *bearer.Token)
	}
	var key map[string]json.RawMessage
	if json.Unmarshal(members["apiKey"], &key) == nil && key["headerName"] != nil && key["header"] == nil {
		key["header"] = key["headerName"]
		delete(key, "headerName")
		a.set("apiKey", key)
	}
	o.set("auth", members)
}

// whole is all members as one object.
func (o oldDestination) whole() json.RawMessage {
	text, err := json.Marshal(o.members)
	if err != nil {
		return nil
	}
	return text
}
