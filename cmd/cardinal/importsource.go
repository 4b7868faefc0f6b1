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

// importSource is a file that can be read twice, and how far the reading is.
type importSource struct {
	open func() (io.ReadCloser, error)
	size int64
	read atomic.Int64
}

// Open begins at the beginning.
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

func (s *importSource) position() (n, of int64) { return s.read.Load(), s.size }

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
		return nil, usageError("Give a file that is there, or - for standard input.", "%s cannot be opened", name)
	}
	if info.IsDir() {
		return nil, usageError("Give a file.", "%s is a folder", name)
	}
	return &importSource{open: func() (io.ReadCloser, error) { return os.Open(name) }, size: info.Size()}, nil
}

// spool keeps a stream for the second reading: in a temporary file without a name, encrypted under a key that only this process has.
func (a *app) spool(in io.Reader) (*importSource, error) {
	f, err := os.CreateTemp("", "cardinal-import-")
	if err != nil {
		return nil, fmt.Errorf("make a temporary file: %w", err)
	}
	os.Remove(f.Name())
	a.onClose(func() { f.Close() })
	var key [32]byte
	rand.Read(key[:])
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	stream := func() cipher.Stream { return cipher.NewCTR(block, make([]byte, aes.BlockSize)) }
	n, err := io.Copy(cipher.StreamWriter{S: stream(), W: f}, in)
	if err != nil {
		return nil, fmt.Errorf("keep standard input in a temporary file: %w", err)
	}
	return &importSource{size: n, open: func() (io.ReadCloser, error) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		return io.NopCloser(cipher.StreamReader{S: stream(), R: f}), nil
	}}, nil
}
