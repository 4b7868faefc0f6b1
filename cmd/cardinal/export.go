package main

import (
	"bufio"
	"cardinal/internal/importing"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"cardinal"
)

// exportResult is the result of `cardinal export`.
type exportResult struct {
	Users  int64  `json:"people"`
	Digest string `json:"digest"` // SHA-256 of the lines, before they are encrypted
	File   string `json:"file,omitempty"`
}

func (a *app) export() *cobra.Command {
	var path, to string
	var secrets bool
	c := command("export",
		"Export all users as JSON lines that import reads; password hashes only on request, and encrypted",
		"  cardinal export -o users.ndjson\n  cardinal export --with-secrets --to age1… -o users.ndjson.age\n"+
			"  age -d -i key.txt users.ndjson.age | cardinal import - --yes",
		func(ctx context.Context, _ []string) (err error) {
			if secrets != (to != "") {
				return usageError(
					"Give both --with-secrets and --to with the age recipient who can read the hashes, or neither.",
					"password hashes are exported only encrypted")
			}
			var recipients []age.Recipient
			if to != "" {
				recipient, err := age.ParseX25519Recipient(to)
				if err != nil {
					return usageError("Give the public key that age-keygen printed, age1….",
						"--to is not an age recipient")
				}
				recipients = append(recipients, recipient)
			}
			k, err := a.open(ctx)
			if err != nil {
				return err
			}
			out := a.out
			if path != "" {
				if _, err := os.Lstat(path); err == nil {
					return fileExistsError(path, "Name another file with -o, or delete that one.")
				}
				// The file gets its name when it is complete, so that there is never a partial file of that name.
				f, err := createPart(path)
				if err != nil {
					return usageError("Name another file with -o.", "the file cannot be written: %v", err)
				}
				defer os.Remove(f.Name())
				defer f.Close()
				out = f
			}
			done := exportResult{File: path}
			if err := k.exportTo(ctx, out, recipients, &done); err != nil {
				return err
			}
			for column, n := range k.Directory().Unreadable() {
				a.printNote("warning: unreadable values of %s: %s; they are missing in the file", column,
					formatThousands(int64(n))) // #nosec G115 -- a number of values in memory
			}
			if f, ok := out.(*os.File); ok && path != "" {
				if err := publish(f, path); err != nil {
					return err
				}
				if a.json || len(a.fields) > 0 {
					return printItem(a, done)
				}
				_, err = fmt.Fprintf(a.out, "exported %s users to %s, sha256 %s\n",
					formatThousands(done.Users), path, done.Digest)
				return err
			}
			a.printNote("exported %s users, sha256 %s", formatThousands(done.Users), done.Digest)
			return nil
		})
	c.Flags().StringVarP(&path, "output", "o", "", "write to this `FILE` instead of standard output")
	c.Flags().BoolVar(&secrets, "with-secrets", false, "include password hashes; needs --to")
	c.Flags().StringVar(&to, "to", "", "encrypt for this age `RECIPIENT`")
	return c
}

// exportTo writes all users to out, one JSON object per line, encrypted when there are recipients.
func (k desk) exportTo(ctx context.Context, out io.Writer, recipients []age.Recipient, done *exportResult) error {
	buffered := bufio.NewWriterSize(out, 1<<16)
	var encrypted io.WriteCloser
	var lines io.Writer = buffered
	if len(recipients) > 0 {
		var err error
		if encrypted, err = age.Encrypt(buffered, recipients...); err != nil {
			return err
		}
		lines = encrypted
	}
	sum := sha256.New()
	lines = io.MultiWriter(lines, sum)
	err := importing.Export(ctx, k.Desk, len(recipients) > 0, func(row cardinal.ImportRow) error {
		text, err := encodeJSON(row)
		if err != nil {
			return err
		}
		done.Users++
		_, err = lines.Write(append(text, '\n'))
		return err
	})
	if err == nil && encrypted != nil {
		err = encrypted.Close()
	}
	done.Digest = hex.EncodeToString(sum.Sum(nil))
	return errors.Join(err, buffered.Flush())
}
