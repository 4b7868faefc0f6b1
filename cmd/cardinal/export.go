package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"cardinal"
)

// exportResult is what `cardinal export` did.
type exportResult struct {
	People int64  `json:"people"`
	Digest string `json:"digest"` // SHA-256 of the lines, before they are encrypted
	File   string `json:"file,omitempty"`
}

func (a *app) export() *cobra.Command {
	var path, to string
	var secrets bool
	c := command("export", "Give everybody back as JSON lines that import reads; with password hashes only when asked, and then encrypted",
		"  cardinal export -o people.ndjson\n  cardinal export --with-secrets --to age1… -o people.ndjson.age\n  age -d -i key.txt people.ndjson.age | cardinal import - --yes",
		func(ctx context.Context, _ []string) (err error) {
			if secrets != (to != "") {
				return usageError("Give both: --with-secrets --to with the age recipient who may read the hashes, or neither.", "password hashes are only given encrypted")
			}
			var recipients []age.Recipient
			if to != "" {
				recipient, err := age.ParseX25519Recipient(to)
				if err != nil {
					return usageError("Give the public key that age-keygen printed, age1….", "--to is not an age recipient")
				}
				recipients = append(recipients, recipient)
			}
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			out := a.out
			if path != "" {
				// Whole or not at all: it takes its name when it is complete.
				f, err := os.OpenFile(path+".part", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
				if err != nil {
					return usageError("Say with -o where it may be.", "the file cannot be written: %v", err)
				}
				defer os.Remove(f.Name())
				defer f.Close()
				out = f
			}
			done := exportResult{File: path}
			if err := k.exportTo(ctx, out, recipients, &done); err != nil {
				return err
			}
			if f, ok := out.(*os.File); ok && path != "" {
				if err := errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), path)); err != nil {
					return err
				}
				return printChanged(a, done, "", "%s people in %s, sha256 %s", formatThousands(done.People), path, done.Digest)
			}
			a.printNote("%s people, sha256 %s", formatThousands(done.People), done.Digest)
			return nil
		})
	c.Flags().StringVarP(&path, "output", "o", "", "`FILE` to write, instead of standard output")
	c.Flags().BoolVar(&secrets, "with-secrets", false, "with password hashes; needs --to")
	c.Flags().StringVar(&to, "to", "", "encrypt to this age `RECIPIENT`")
	return c
}

func (k desk) exportTo(ctx context.Context, out io.Writer, recipients []age.Recipient, done *exportResult) error {
	buffered := bufio.NewWriterSize(out, 1<<16)
	var sealed io.WriteCloser
	var lines io.Writer = buffered
	if len(recipients) > 0 {
		var err error
		if sealed, err = age.Encrypt(buffered, recipients...); err != nil {
			return err
		}
		lines = sealed
	}
	sum := sha256.New()
	lines = io.MultiWriter(lines, sum)
	err := k.Export(ctx, len(recipients) > 0, func(row cardinal.ImportRow) error {
		text, err := encodeJSON(row)
		if err != nil {
			return err
		}
		done.People++
		_, err = lines.Write(append(text, '\n'))
		return err
	})
	if err == nil && sealed != nil {
		err = sealed.Close()
	}
	done.Digest = hex.EncodeToString(sum.Sum(nil))
	return errors.Join(err, buffered.Flush())
}
