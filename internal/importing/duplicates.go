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

// duplicateFinder finds identifiers that a file has twice, without the whole file in memory (an external hash
// partitioning). It writes the keyed hash of each identifier, with its row number, into one of 64 temporary files
// chosen by the hash. Equal identifiers are in the same file, and each file fits into memory, where it is sorted. The
// files are unlinked as soon as they are created, so that a killed process leaves nothing behind on the disk.
type duplicateFinder struct {
	files   [duplicateFiles]*os.File
	writers [duplicateFiles]*bufio.Writer
}

const (
	duplicateFiles = 64
	hashSize       = 16
	entrySize      = hashSize + 8 // the hash and the number of the row
	// maxDuplicates bounds the duplicates that are kept in memory. A file with more is the wrong file, or the wrong
	// column was chosen.
	maxDuplicates = 100_000
)

func newDuplicateFinder() (*duplicateFinder, error) {
	finder := &duplicateFinder{}
	for i := range finder.files {
		f, err := os.CreateTemp("", "cardinal-import-")
		if err != nil {
			finder.close()
			return nil, err
		}
		os.Remove(f.Name())
		finder.files[i], finder.writers[i] = f, bufio.NewWriterSize(f, 4096)
	}
	return finder, nil
}

func (finder *duplicateFinder) close() {
	for _, f := range finder.files {
		if f != nil {
			f.Close()
		}
	}
}

// add adds the id and the identifiers of a row.
func (finder *duplicateFinder) add(row *checkedRow) error {
	if row.ID != uuid.Nil {
		if err := finder.addEntry(row.ID[:], row.number); err != nil {
			return err
		}
	}
	for _, identifier := range row.identifiers {
		if err := finder.addEntry(identifier.index, row.number); err != nil {
			return err
		}
	}
	return nil
}

func (finder *duplicateFinder) addEntry(hash []byte, number int64) error {
	var entry [entrySize]byte
	copy(entry[:hashSize], hash)
	binary.BigEndian.PutUint64(entry[hashSize:], uint64(number)) // #nosec G115 -- the number of a row is positive
	// The last byte chooses the file: the first bytes of an id are a time, and would be the same for many rows.
	_, err := finder.writers[hash[hashSize-1]%duplicateFiles].Write(entry[:])
	return err
}

// duplicates returns, for each row that repeats an identifier of an earlier row, the number of the earlier row.
func (finder *duplicateFinder) duplicates() (map[int64]int64, error) {
	earlierOf := map[int64]int64{}
	for i, f := range finder.files {
		if err := finder.writers[i].Flush(); err != nil {
			return nil, err
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		content, err := io.ReadAll(f)
		if err != nil {
			return nil, err
		}
		entries := slices.Collect(slices.Chunk(content, entrySize))
		slices.SortFunc(entries, bytes.Compare)
		for j := 1; j < len(entries); j++ {
			if !bytes.Equal(entries[j][:hashSize], entries[j-1][:hashSize]) {
				continue
			}
			number, earlier := entryNumber(entries[j]), entryNumber(entries[j-1])
			if first, ok := earlierOf[earlier]; ok {
				earlier = first
			}
			if len(earlierOf) < maxDuplicates {
				earlierOf[number] = earlier
			}
		}
	}
	return earlierOf, nil
}

// #nosec G115 -- written by newEntry from an int64
func entryNumber(entry []byte) int64 { return int64(binary.BigEndian.Uint64(entry[hashSize:])) }
