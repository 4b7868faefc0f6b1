package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cardinal"
)

func (a *app) usersSetPassword() *cobra.Command {
	var from passwordFlags
	var in cardinal.PasswordSet
	var keep bool
	c := command("set-password USER", "Set the password of a user and end their sessions",
		"  cardinal users set-password bob@example.com --password-stdin < password\n"+
			"  cardinal users set-password bob@example.com --keep",
		func(ctx context.Context, args []string) error {
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			user, err := k.findUser(ctx, args[0])
			if err != nil {
				return err
			}
			done := "set the password of"
			switch {
			case keep && from.isSet():
				return usageError("Leave one of them out.", "--keep and a new password exclude each other")
			case keep:
				in.MustChange, done = true, "required a change of the password of"
			default:
				if in.New, err = from.read(a); err != nil {
					return err
				}
			}
			now, err := k.PasswordState(ctx, user.ID)
			if err != nil {
				return err
			}
			after, err := k.SetPassword(ctx, user.ID, now.Version, in)
			if err != nil {
				return err
			}
			return printChanged(a, after, "", "%s %s and ended their sessions", done, sanitize(args[0]))
		})
	c.Flags().BoolVar(&in.MustChange, "must-change", false, "require a change at the first sign-in (the default)")
	c.Flags().BoolVar(&in.ChosenByUser, "chosen-by-user", false, "require no change: the user chose this password")
	c.MarkFlagsMutuallyExclusive("must-change", "chosen-by-user")
	c.Flags().BoolVar(&keep, "keep", false, "keep the current password and require a change at the next sign-in")
	return from.addTo(c)
}

// passwordFlags are the flags that choose where a password is read from. There is no flag for the password itself,
// because every process on the machine can read command lines.
type passwordFlags struct {
	stdin bool
	file  string
}

func (p *passwordFlags) addTo(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input")
	c.Flags().StringVar(&p.file, "password-file", "", "read the password from `FILE`; - is standard input")
	return c
}

func (p *passwordFlags) isSet() bool { return p.stdin || p.file != "" }

const maxPasswordBytes = 8192 // that are read; the password rules allow fewer

// read reads the password from where the flags say, or asks at the terminal.
func (p *passwordFlags) read(a *app) (cardinal.Secret, error) {
	if !p.isSet() {
		return a.promptPassword()
	}
	if p.stdin && p.file != "" {
		return "", usageError("Give one of them.", "--password-stdin and --password-file exclude each other")
	}
	from := io.Reader(a.in)
	if p.file != "" && p.file != "-" {
		f, err := os.Open(p.file)
		if err != nil {
			return "", usageError("Give a file that can be read, or --password-stdin.",
				"the password file cannot be read: %v", withoutPath(err))
		}
		defer f.Close()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxPasswordBytes))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	password := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	if password == "" {
		return "", usageError("Give the password as one line.", "the password is empty")
	}
	return cardinal.Secret(password), nil
}

func (a *app) promptPassword() (cardinal.Secret, error) {
	if !a.canPrompt() {
		return "", usageError("Give --password-stdin or --password-file FILE.",
			"there is no terminal to ask for a password")
	}
	readLine := func(prompt string) (string, error) {
		a.prompt(prompt)
		defer a.prompt("\n")
		text, err := term.ReadPassword(int(a.in.Fd()))
		return string(text), err
	}
	first, err := readLine("Password: ")
	if err != nil {
		return "", err
	}
	second, err := readLine("Repeat password: ")
	if err != nil {
		return "", err
	}
	if first != second || first == "" {
		return "", usageError("Run the command again.", "the passwords are empty or do not match")
	}
	return cardinal.Secret(first), nil
}
