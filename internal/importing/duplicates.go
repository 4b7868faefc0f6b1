package importing

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"slices"

	"github.com/google/uuid"
)

// duplicateFinder finds what stands in a file twice without holding the file: keyed hashes go into temporary files by their first bits, and
// each of those fits into memory. The files have no name any more, so that a killed process leaves nothing.
type duplicateFinder struct {
	files   [duplicateFiles]*os.File
	writers [duplicateFiles]*bufio.Writer
}

const (
	duplicateFiles = 64
	entrySize      = 24 // 16 bytes of the hash, 8 of the row's number
	// maxDuplicates bounds what is remembered of rows that repeat others: with more it is the wrong file, or the wrong column.
	maxDuplicates = 100_000
)

func newDuplicateFinder() (*duplicateFinder, error) {
	s := &duplicateFinder{}
	for i := range s.files {
		f, err := os.CreateTemp("", "cardinal-import-")
		if err != nil {
			s.close()
			return nil, err
		}
		os.Remove(f.Name())
		s.files[i], s.writers[i] = f, bufio.NewWriterSize(f, 4096)
	}
	return s, nil
}

func (s *duplicateFinder) close() {
	for _, f := range s.files {
		if f != nil {
			f.Close()
		}
	}
}

// add notes what a candidate claims, and their id.
func (s *duplicateFinder) add(c *checkedRow) error {
	if c.ID != uuid.Nil {
		if err := s.addEntry(c.ID[:], c.number); err != nil {
			return err
		}
	}
	for _, claim := range c.identifiers {
		if err := s.addEntry(claim.index, c.number); err != nil {
			return err
		}
	}
	return nil
}

func (s *duplicateFinder) addEntry(hash []byte, number int64) error {
	var entry [entrySize]byte
	copy(entry[:16], hash)
	binary.BigEndian.PutUint64(entry[16:], uint64(number))
	_, err := s.writers[hash[15]%duplicateFiles].Write(entry[:]) // the first bytes of an id say the time
	return err
}

// duplicates returns the rows that repeat an earlier one, and which.
func (s *duplicateFinder) duplicates() (map[int64]int64, error) {
	found := map[int64]int64{}
	for i, f := range s.files {
		if err := s.writers[i].Flush(); err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		all, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		entries := slices.Collect(slices.Chunk(all, entrySize))
		slices.SortFunc(entries, bytes.Compare)
		for j := 1; j < len(entries); j++ {
			if !bytes.Equal(entries[j][:16], entries[j-1][:16]) {
				continue
			}
			number, before := int64(binary.BigEndian.Uint64(entries[j][16:])), int64(binary.BigEndian.Uint64(entries[j-1][16:]))
			if first, ok := found[before]; ok {
				before = first
			}
			if len(found) < maxDuplicates {
				found[number] = before
			}
		}
	}
	return found, nil
}
