package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cardinal"
	"cardinal/internal/config"
)

// configuration is what this run is configured with, read once and only when a command needs it.
type configuration struct {
	file    string         // of --config
	flags   []*pflag.Flag  // that configure something
	loaded  *config.Config // nil before it is read
	origins config.Origins
}

// globalSettings are the settings that have a flag on every command; the others have one where they matter.
var globalSettings = []string{"db", "keys", "log-level", "log-format"}

// configFlags gives every command the flags of what every command is configured with.
func (a *app) configFlags(f *pflag.FlagSet) {
	f.StringVar(&a.configured.file, "config", "", "the configuration `FILE` (default "+config.DefaultFile+", if it is there)")
	a.configured.add(f, func(flag string) bool { return slices.Contains(globalSettings, flag) })
}

// serveFlags are the flags of what only the server is configured with.
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
		// The flag's own value stays empty: what was not given is for the environment and the file to say.
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
	var invalid *config.Invalid
	if errors.As(err, &invalid) {
		var faults cardinal.Faults
		for _, f := range invalid.Faults {
			faults = append(faults, cardinal.Fault{Parameter: f.Origin, Code: "configuration", Message: f.Message})
		}
		return loaded, faults.Err()
	}
	if err != nil {
		return loaded, err
	}
	c.loaded, c.origins = &loaded, origins
	return loaded, nil
}

// logger logs to standard error as the configuration says.
func (a *app) logger(c config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}

// baseURL is where people reach the service.
func baseURL(c config.Config) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	return localURL(c.HTTP)
}

func (a *app) configShow() *cobra.Command {
	var origin bool
	c := command("show", "Show what the service is configured with, without secrets", "  cardinal config show --origin", func(context.Context, []string) error {
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
	c.Flags().BoolVar(&origin, "origin", false, "say where each value comes from, and by which variable it can be set")
	return a.withListFlags(c)
}
