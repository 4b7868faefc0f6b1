package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cardinal"
	"cardinal/internal/config"
)

// configuration is the configuration of this run. It is read once, and only when a command needs it.
type configuration struct {
	file    string         // of --config
	flags   []*pflag.Flag  // the flags of settings
	loaded  *config.Config // nil before it is read
	origins config.Origins
}

// globalSettings are the settings that every command has a flag for; the other settings have a flag on some commands.
var globalSettings = []string{"db", "keys", "log-level", "log-format"}

// configFlags adds the flags of the settings that every command has.
func (a *app) configFlags(f *pflag.FlagSet) {
	f.StringVar(&a.configured.file, "config", "", "configuration `FILE` (default "+config.DefaultFile+", if it exists)")
	a.configured.add(f, func(flag string) bool { return slices.Contains(globalSettings, flag) })
}

// serveFlags adds the flags of the settings that only the service needs.
func (a *app) serveFlags(f *pflag.FlagSet) {
	a.configured.add(f, func(flag string) bool { return !slices.Contains(globalSettings, flag) })
}

func (c *configuration) add(f *pflag.FlagSet, wanted func(flag string) bool) {
	for _, field := range config.Fields(config.Default(), nil) {
		if field.Flag == "" || !wanted(field.Flag[2:]) {
			continue
		}
		doc := field.Doc
		if field.Value != "" {
			doc += " (default " + field.Value + ")"
		}
		// The flag has no default value: a flag that is not given leaves the setting to the environment and the file.
		f.String(field.Flag[2:], "", doc)
		c.flags = append(c.flags, f.Lookup(field.Flag[2:]))
	}
}

// config reads the configuration.
func (a *app) config() (config.Config, error) {
	c := &a.configured
	if c.loaded != nil {
		return *c.loaded, nil
	}
	given := map[string]string{}
	for _, f := range c.flags {
		if f.Changed {
			given[f.Name] = f.Value.String()
		}
	}
	loaded, origins, err := config.Load(os.LookupEnv, given, c.file)
	var invalid *config.InvalidSettings
	if errors.As(err, &invalid) {
		var fieldErrors cardinal.FieldErrors
		for _, f := range invalid.Errors {
			fieldErrors = append(fieldErrors,
				cardinal.FieldError{Parameter: f.Origin, Code: "configuration", Message: f.Message})
		}
		return loaded, fieldErrors.Err()
	}
	if err != nil {
		return loaded, err
	}
	c.loaded, c.origins = &loaded, origins
	return loaded, nil
}

// logger returns a logger to standard error, with the configured level and format.
func (a *app) logger(c config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel, ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		switch value := attr.Value.Any().(type) {
		case slog.Level:
			if attr.Key == slog.LevelKey {
				attr.Value = slog.StringValue(config.LevelName(value))
			}
		case time.Time: // of the line too
			attr.Value = slog.TimeValue(value.UTC())
		}
		return attr
	}}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}

// baseURL returns the public URL of the service.
func baseURL(c config.Config) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return localURL(c.HTTP)
}

func (a *app) configShow() *cobra.Command {
	var origin bool
	c := command("show", "Show the configuration, without secrets",
		"  cardinal config show --origin",
		func(context.Context, []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			columns := []string{"name", "value"}
			if origin {
				columns = append(columns, "origin", "env")
			}
			return printList(a, listPage[config.Field]{Data: config.Fields(c, a.configured.origins)}, columns...)
		})
	c.Flags().BoolVar(&origin, "origin", false,
		"show where each value comes from and which environment variable sets it")
	return a.withListFlags(c)
}
