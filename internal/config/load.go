package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"cardinal"
	"cardinal/internal/nearest"
)

// DefaultFile is the file that is read when it is there and no other is named.
const DefaultFile = "./cardinal.toml"

// Origins says by a setting's name where its value came from: "flag --db", "environment CARDINAL_DB", "cardinal.toml" (or the
// file that was named) or "default".
type Origins map[string]string

// Fault is one thing wrong with the configuration. It never repeats a value, which may hold a password.
type Fault struct {
	Origin  string // as in Origins, and the line for a file
	Message string // what is wrong and what to do
}

// Invalid is a configuration with faults, all at once.
type Invalid struct{ Faults []Fault }

// Error tells every fault, a line each.
func (e *Invalid) Error() string {
	text := "the configuration has a fault:"
	if len(e.Faults) > 1 {
		text = fmt.Sprintf("the configuration has %d faults:", len(e.Faults))
	}
	for _, f := range e.Faults {
		text += "\n  " + f.Origin + ": " + f.Message
	}
	return text
}

// Load makes the configuration: flags by name without dashes, only those that were given, win over lookupEnv's CARDINAL_*
// variables, those over the TOML file, that over the defaults. file names the TOML file, which must then exist; empty is
// ./cardinal.toml if it exists. An empty variable is one that is not set. The error is an *Invalid with every fault; the
// configuration beside it has what was before in place of what is wrong.
func Load(lookupEnv func(string) (string, bool), flags map[string]string, file string) (Config, Origins, error) {
	l := loading{config: Default(), origins: Origins{kekName: "default"}}
	for _, s := range settings {
		l.origins[s.name] = "default"
	}
	written := l.readFile(file)
	for _, s := range settings {
		if w, ok := written[s.name]; ok {
			l.set(s, w.text, w.origin, w.where)
		}
		if text, ok := lookupEnv(s.env); ok && text != "" {
			l.set(s, text, "environment "+s.env, "")
		}
		if text, ok := flags[s.flag]; ok {
			l.set(s, text, "flag --"+s.flag, "")
		}
	}
	l.kek(lookupEnv)
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.flag == name }) {
			l.fault("flag --"+name, unknownFlag(name))
		}
	}
	if len(l.faults) > 0 {
		return l.config, l.origins, &Invalid{l.faults}
	}
	return l.config, l.origins, nil
}

type loading struct {
	config  Config
	origins Origins
	faults  []Fault
}

func (l *loading) fault(origin, message string) { l.faults = append(l.faults, Fault{origin, message}) }

// set takes over a value. A wrong one is a fault even where another would win: it would come to light some day.
func (l *loading) set(s setting, text, origin, where string) {
	if err := s.set(&l.config, strings.TrimSpace(text)); err != nil {
		l.fault(origin+where, s.name+": "+err.Error())
		return
	}
	l.origins[s.name] = origin
}

func unknownFlag(name string) string {
	if name == kekName {
		return "a secret is not given by a flag, which others on this machine can see; set " + kekEnv + " or " + kekFileEnv
	}
	return "there is no such setting" + meant(name, func(s setting) string { return s.flag }, "--")
}

const maxKEKFile = 4 << 10

// kek takes over the key-encryption key, which must come from one place.
func (l *loading) kek(lookupEnv func(string) (string, bool)) {
	text, _ := lookupEnv(kekEnv)
	path, _ := lookupEnv(kekFileEnv)
	origin := "environment " + kekEnv
	switch {
	case text == "" && path == "":
		return
	case text != "" && path != "":
		l.fault(origin, kekFileEnv+" is set too; set one of them")
		return
	case path != "":
		origin = "environment " + kekFileEnv
		f, err := os.Open(path)
		if err != nil {
			l.fault(origin, "the file cannot be read: "+cause(err)+"; name one that holds the key")
			return
		}
		defer f.Close()
		read, err := io.ReadAll(io.LimitReader(f, maxKEKFile+1))
		if err != nil || len(read) > maxKEKFile {
			l.fault(origin, "the file holds no key; name one with 32 bytes in base64 in it")
			return
		}
		text = string(read)
	}
	if text = strings.TrimSpace(text); text == "" {
		l.fault(origin, "there is no key in it; give 32 bytes in base64")
		return
	}
	l.config.KEK, l.origins[kekName] = cardinal.Secret(text), origin
}

// cause is an error of a file without the path.
func cause(err error) string {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return at.Err.Error()
	}
	return err.Error()
}

// written is a value in the TOML file.
type written struct{ text, origin, where string }

// readFile reads the TOML file. Its faults are faults of the configuration.
func (l *loading) readFile(file string) map[string]written {
	path, origin := file, file
	if file == "" {
		path, origin = DefaultFile, strings.TrimPrefix(DefaultFile, "./")
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return nil
	}
	if err != nil {
		l.fault(origin, "the file cannot be read: "+cause(err)+"; name another with --config")
		return nil
	}
	var document map[string]any
	if err := toml.Unmarshal(text, &document); err != nil {
		where := ""
		// The parser's own words may repeat what it could not read.
		if at := (*toml.DecodeError)(nil); errors.As(err, &at) {
			line, column := at.Position()
			where = fmt.Sprintf(", line %d, column %d", line, column)
		}
		l.fault(origin+where, "that is not TOML; write name = \"value\", a line each, every name once")
		return nil
	}
	values, lines := map[string]written{}, keyLines(text)
	for _, name := range slices.Sorted(maps.Keys(document)) {
		where := fmt.Sprintf(", line %d", lines[name])
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == name }) {
			l.fault(origin+where, unknownKey(name))
			continue
		}
		value, ok := textOf(document[name])
		if !ok {
			l.fault(origin+where, name+": that is no text; write "+name+" = \"value\"")
			continue
		}
		values[name] = written{value, origin, where}
	}
	return values
}

func unknownKey(name string) string {
	if name == kekName || name == "kek_file" {
		return "a secret does not stand in this file; set " + kekEnv + " or " + kekFileEnv + ", and make a new key, since this one was written down"
	}
	return fmt.Sprintf("there is no setting %.64q", name) + meant(name, func(s setting) string { return s.name }, "")
}

// textOf is a TOML value as a flag would give it: a text, or a list of texts.
func textOf(value any) (string, bool) {
	list, isList := value.([]any)
	if !isList {
		text, ok := value.(string)
		return text, ok
	}
	texts := make([]string, len(list))
	for i, v := range list {
		text, ok := v.(string)
		if !ok {
			return "", false
		}
		texts[i] = text
	}
	return strings.Join(texts, ","), true
}

// keyLines returns the line of each top-level key of a valid TOML document. In strict mode the parser reports the position
// of every key that the target does not have, and the target has none.
func keyLines(text []byte) map[string]int {
	lines := map[string]int{}
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(&struct{}{})
	var unknown *toml.StrictMissingError
	if !errors.As(err, &unknown) {
		return lines
	}
	for _, e := range unknown.Errors {
		line, _ := e.Position()
		if key := e.Key(); len(key) > 0 && lines[key[0]] == 0 {
			lines[key[0]] = line
		}
	}
	return lines
}

// meant ends a sentence about a name that nobody knows with the name that is nearest to it, or with all of them.
func meant(name string, of func(setting) string, dashes string) string {
	name = strings.ToLower(name)
	names, known := make([]string, len(settings)), make([]string, len(settings))
	for i, s := range settings {
		names[i], known[i] = of(s), dashes+of(s)
	}
	if meant := nearest.To(name, names); meant != "" {
		return "; did you mean " + dashes + meant + "?"
	}
	return "; there are " + strings.Join(known, ", ")
}
