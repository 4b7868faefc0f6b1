package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cardinal"
)

type conf struct {
	DB, Keys, HTTP, PublicURL string
	KEK                       cardinal.Secret
}

func (a *app) config() (conf, error) {
	c := conf{DB: "sqlite:cardinal-data/cardinal.db", Keys: "cardinal-keys", HTTP: "127.0.0.1:8080", KEK: cardinal.Secret(os.Getenv("CARDINAL_KEK"))}
	if v := os.Getenv("CARDINAL_DB"); v != "" {
		c.DB = v
	}
	if f := a.flags.Lookup("db"); f.Changed {
		c.DB = f.Value.String()
	}
	if f := a.flags.Lookup("keys"); f.Changed {
		c.Keys = f.Value.String()
	}
	return c, nil
}
func (a *app) configFlags(f *pflag.FlagSet) {
	for _, n := range []string{"db", "keys", "log-level", "log-format", "config"} {
		f.String(n, "", "")
	}
}
func (a *app) configShow() *cobra.Command {
	return leaf("show", "Show", "", func(ctx context.Context, _ []string) error { return nil })
}
func (a *app) baseURL() string { return "http://localhost:8080" }
func (a *app) seed() *cobra.Command {
	return leaf("seed", "Seed", "", func(ctx context.Context, _ []string) error { return nil })
}
func (a *app) serve() *cobra.Command {
	return leaf("serve", "Serve", "", func(ctx context.Context, _ []string) error { return nil })
}
