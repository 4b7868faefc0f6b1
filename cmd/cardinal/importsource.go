package main

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"sync/atomic"
)

// importSource is a file that can be read several times. It counts the bytes read, for the progress.
type importSource struct {
	open func() (io.ReadCloser, error)
	size int64
	read atomic.Int64
}

// Open starts at the beginning of the file.
func (s *importSource) Open() (io.ReadCloser, error) {
	in, err := s.open()
	if err != nil {
		return nil, err
	}
	s.read.Store(0)
	return struct {
		io.Reader
		io.Closer
	}{bufio.NewReaderSize(&countingReader{in, &s.read}, 1<<16), in}, nil
}

// position returns the bytes read since the last Open, and the size of the file.
func (s *importSource) position() (n, of int64) { return s.read.Load(), s.size }

// countingReader adds the bytes read to n.
type countingReader struct {
	io.Reader
	n *atomic.Int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// importSource opens FILE, or standard input for "-".
func (a *app) importSource(name string) (*importSource, error) {
	if name == "-" {
		return a.spool(a.in)
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, usageError("Give a file that exists, or - for standard input.", "%s cannot be opened", name)
	}
	if info.IsDir() {
		return nil, usageError("Give a file.", "%s is a folder", name)
	}
	return &importSource{open: func() (io.ReadCloser, error) { return os.Open(name) }, size: info.Size()}, nil
}

// spool copies a stream to a temporary file for the second pass. The file has no name any more, and is encrypted with a
// key that only this process has.
func (a *app) spool(in io.Reader) (*importSource, error) {
	f, err := os.CreateTemp("", "cardinal-import-")
	if err != nil {
		return nil, fmt.Errorf("create a temporary file: %w", err)
	}
	os.Remove(f.Name())
	a.onClose(func() { f.Close() })
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	// #nosec G407 -- the key is used for one stream
	stream := func() cipher.Stream { return cipher.NewCTR(block, make([]byte, aes.BlockSize)) }
	n, err := io.Copy(cipher.StreamWriter{S: stream(), W: f}, in)
	if err != nil {
		return nil, fmt.Errorf("copy standard input to a temporary file: %w", err)
	}
	return &importSource{size: n, open: func() (io.ReadCloser, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return io.NopCloser(cipher.StreamReader{S: stream(), R: f}), nil
	}}, nil
}
