package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"cardinal"
	"cardinal/internal/nearest"
)

// DefaultFile is the file that is read if it exists and --config is not given.
const DefaultFile = "./cardinal.toml"

// Origins has the origin of each value by the name of the setting: "flag --db", "environment CARDINAL_DB",
// "cardinal.toml" (or the file of --config) or "default".
type Origins map[string]string

// SettingError is one error in the configuration. It never contains the value, which can be a password.
type SettingError struct {
	Origin  string // as in Origins, with the line in a file
	Message string // the reason and the correction
}

// InvalidSettings is a configuration with errors, all at once.
type InvalidSettings struct{ Errors []SettingError }

// Error returns all errors, one per line.
func (e *InvalidSettings) Error() string {
	text := "the configuration has an error:"
	if len(e.Errors) > 1 {
		text = fmt.Sprintf("the configuration has %d errors:", len(e.Errors))
	}
	for _, f := range e.Errors {
		text += "\n  " + f.Origin + ": " + f.Message
	}
	return text
}

// Load reads the configuration. Flags have precedence over the CARDINAL_* variables of lookupEnv, variables over the
// TOML file, and the file over the defaults. flags has only the given flags, by name without dashes. file is the TOML
// file, which must exist; the default is ./cardinal.toml if it exists. An empty variable counts as not set. The error
// is an *Invalid with all errors; in the configuration that is returned with it, an invalid value does not replace the
// earlier value.
func Load(lookupEnv func(string) (string, bool), flags map[string]string, file string) (Config, Origins, error) {
	l := loader{config: Default(), origins: Origins{kekName: "default"}}
	for _, s := range settings {
		l.origins[s.name] = "default"
	}
	fileValues := l.readFile(file)
	for _, s := range settings {
		if v, ok := fileValues[s.name]; ok {
			l.set(s, v.text, v.origin, v.line)
		}
		if text, ok := lookupEnv(s.env); ok && text != "" {
			l.set(s, text, "environment "+s.env, "")
		}
		if text, ok := flags[s.flag]; ok {
			l.set(s, text, "flag --"+s.flag, "")
		}
	}
	l.readKEK(lookupEnv)
	for _, name := range slices.Sorted(maps.Keys(flags)) {
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.flag == name }) {
			l.addError("flag --"+name, unknownFlag(name))
		}
	}
	if len(l.errors) > 0 {
		return l.config, l.origins, &InvalidSettings{l.errors}
	}
	return l.config, l.origins, nil
}

type loader struct {
	config  Config
	origins Origins
	errors  []SettingError
}

func (l *loader) addError(origin, message string) {
	l.errors = append(l.errors, SettingError{origin, message})
}

// set stores a value. An invalid value is an error even where another value has precedence: later it could be the one
// that counts.
func (l *loader) set(s setting, text, origin, line string) {
	if err := s.set(&l.config, strings.TrimSpace(text)); err != nil {
		l.addError(origin+line, s.name+": "+err.Error())
		return
	}
	l.origins[s.name] = origin
}

func unknownFlag(name string) string {
	if name == kekName {
		return "a secret cannot be a flag, because other users of this machine can see flags; set " + kekEnv + " or " +
			kekFileEnv
	}
	return "unknown setting" + suggest(name, func(s setting) string { return s.flag }, "--")
}

const maxKEKFile = 4 << 10

// readKEK reads the key-encryption key. Only one of the two variables can be set.
func (l *loader) readKEK(lookupEnv func(string) (string, bool)) {
	text, _ := lookupEnv(kekEnv)
	path, _ := lookupEnv(kekFileEnv)
	origin := "environment " + kekEnv
	switch {
	case text == "" && path == "":
		return
	case text != "" && path != "":
		l.addError(origin, kekFileEnv+" is set, too; set only one of them")
		return
	case path != "":
		origin = "environment " + kekFileEnv
		f, err := os.Open(path)
		if err != nil {
			l.addError(origin, "the file cannot be read: "+withoutPath(err)+"; set the path of the file with the key")
			return
		}
		defer f.Close()
		read, err := io.ReadAll(io.LimitReader(f, maxKEKFile+1))
		if err != nil || len(read) > maxKEKFile {
			l.addError(origin, "the file is not a key file; it must have 32 bytes in base64")
			return
		}
		text = string(read)
	}
	if text = strings.TrimSpace(text); text == "" {
		l.addError(origin, "the key is empty; it must have 32 bytes in base64")
		return
	}
	l.config.KEK, l.origins[kekName] = cardinal.Secret(text), origin
}

// withoutPath returns the message of an error of a file without the path.
func withoutPath(err error) string {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}

// fileValue is a value in the TOML file. line is ", line 3".
type fileValue struct{ text, origin, line string }

// readFile reads the TOML file and adds its errors.
func (l *loader) readFile(file string) map[string]fileValue {
	path, origin := file, file
	if file == "" {
		path, origin = DefaultFile, strings.TrimPrefix(DefaultFile, "./")
	}
	if info, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o002 != 0 {
		l.addError(origin, "every account of this machine can change the file; run: chmod o-w "+path)
		return nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && file == "" {
		return nil
	}
	if err != nil {
		l.addError(origin, "the file cannot be read: "+withoutPath(err)+"; set another file with --config")
		return nil
	}
	var document map[string]any
	if err := toml.Unmarshal(text, &document); err != nil {
		position := ""
		// The message of the parser can contain the text that it cannot parse.
		if decodeErr := (*toml.DecodeError)(nil); errors.As(err, &decodeErr) {
			line, column := decodeErr.Position()
			position = fmt.Sprintf(", line %d, column %d", line, column)
		}
		l.addError(origin+position, "not valid TOML; write name = \"value\", one per line, each name once")
		return nil
	}
	values, lines := map[string]fileValue{}, keyLines(text)
	for _, name := range slices.Sorted(maps.Keys(document)) {
		line := fmt.Sprintf(", line %d", lines[name])
		if !slices.ContainsFunc(settings, func(s setting) bool { return s.name == name }) {
			l.addError(origin+line, unknownKey(name))
			continue
		}
		value, ok := settingText(document[name])
		if !ok {
			l.addError(origin+line, name+": not a string; write "+name+" = \"value\"")
			continue
		}
		values[name] = fileValue{value, origin, line}
	}
	return values
}

func unknownKey(name string) string {
	if name == kekName || name == "kek_file" {
		return "a secret must not be in this file; set " + kekEnv + " or " + kekFileEnv +
			", and create a new key, because this one was stored in a file"
	}
	return fmt.Sprintf("unknown setting %.64q", name) + suggest(name, func(s setting) string { return s.name }, "")
}

// settingText converts a TOML value to the text that a flag would have. It accepts a string, and a list of strings.
func settingText(value any) (string, bool) {
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

// keyLines returns the line of each top-level key of a valid TOML document. In strict mode the parser reports the
// position of every key that the target does not have, and the target has none.
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

// suggest returns the end of a message about an unknown name: the most similar name, or all names.
func suggest(name string, of func(setting) string, dashes string) string {
	name = strings.ToLower(name)
	names, display := make([]string, len(settings)), make([]string, len(settings))
	for i, s := range settings {
		names[i], display[i] = of(s), dashes+of(s)
	}
	if similar := nearest.To(name, names); similar != "" {
		return "; did you mean " + dashes + similar + "?"
	}
	return "; the settings are " + strings.Join(display, ", ")
}
