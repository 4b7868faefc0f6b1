package storetest

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"cardinal"
	"cardinal/internal/store"
)

// newUpload inserts an uploaded import in a stage. Each has its own importer.
func newUpload(t *testing.T, s *store.Store, stage string) store.ImportRecord {
	t.Helper()
	importer := newUser(t, s, "person")
	return newImport(t, s, func(r *store.ImportRecord) {
		r.ActorID, r.ContentMAC, r.Stage, r.State = importer, append(ciphertext(16), importer[:]...), &stage, stage
		r.ActingID = uuid.NullUUID{UUID: importer, Valid: true}
	})
}

func uploadedImports(t *testing.T, s *store.Store) {
	ctx, r := t.Context(), s.Read(t.Context())
	first := newUpload(t, s, "uploading")
	open := func() []uuid.UUID {
		var ids []uuid.UUID
		for _, found := range must(r.OpenImports(ctx))(t) {
			ids = append(ids, found.ID)
		}
		return ids
	}
	wantEqual(t, "Import", must(r.Import(ctx, first.ID))(t), first)
	wantEqual(t, "OpenImports", open(), []uuid.UUID{first.ID})
	second := first
	second.ID = cardinal.NewID()
	insert := func() error { return s.Write(ctx, func(tx store.Tx) error { return tx.InsertImport(ctx, second) }) }
	wantViolation(t, "import_work_open_uq", insert())

	later := baseTime.Add(time.Minute)
	update := func(change func(*store.ImportRecord)) error {
		changed := first
		change(&changed)
		return s.Write(ctx, func(tx store.Tx) error { return tx.UpdateImport(ctx, changed, later) })
	}
	running, key := "running", cardinal.NewID()
	if err := update(func(r *store.ImportRecord) {
		r.Format, r.ContentMAC, r.Stage, r.StartedAt = "csv", ciphertext(32), &running, &later
		r.ActingKeyID = uuid.NullUUID{UUID: key, Valid: true}
		r.Check = &cardinal.ImportCheck{Bytes: 9, Rows: 6, New: 3, Existing: 2, Invalid: 1}
		r.State, r.UpdatedAt = "running", later
		first = *r
	}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "after UpdateImport", must(r.Import(ctx, first.ID))(t), first)
	unknown := "unknown"
	for constraint, change := range map[string]func(*store.ImportRecord){
		"import_work_stage_ck": func(r *store.ImportRecord) { r.Stage = &unknown },
		"import_work_rows_ck": func(r *store.ImportRecord) {
			r.Check = &cardinal.ImportCheck{Bytes: 9, Rows: 5, New: 6}
		},
	} {
		wantViolation(t, constraint, update(change))
	}

	chunk := func(part string, number int64, content []byte) error {
		return s.Write(ctx, func(tx store.Tx) error {
			return tx.InsertImportChunk(ctx, store.ImportChunk{RunID: first.ID, Part: part, Number: number,
				ContentSealed: content})
		})
	}
	largest := make([]byte, 1<<20+29)
	largest[0] = 1
	for _, err := range []error{chunk(store.ImportFile, 0, largest), chunk(store.ImportFile, 1, ciphertext(40)),
		chunk(store.ImportProblems, 0, ciphertext(50))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	wantViolation(t, "import_chunks_pk", chunk(store.ImportFile, 1, ciphertext(40)))
	wantViolation(t, "import_chunks_content_ck", chunk(store.ImportFile, 2, append(largest, 1)))
	wantViolation(t, "import_chunks_content_ck", chunk(store.ImportFile, 2,
		[]byte("not encrypted, and long enough for a chunk")))
	wantViolation(t, "import_chunks_part_ck", chunk("other", 2, ciphertext(40)))
	wantEqual(t, "ImportChunk", must(r.ImportChunk(ctx, first.ID, store.ImportFile, 0))(t), largest)
	wantEqual(t, "ImportChunk", must(r.ImportChunk(ctx, first.ID, store.ImportProblems, 0))(t), ciphertext(50))
	remove := func(parts ...string) {
		write(t, s, func(tx store.Tx) error { return tx.DeleteImportChunks(ctx, first.ID, parts...) })
	}
	remove(store.ImportFile)
	_, err := r.ImportChunk(ctx, first.ID, store.ImportFile, 1)
	wantError(t, "ImportChunk, deleted", cardinal.ErrNotFound, err)

	// A finished import is listed as long as chunks of it are stored, and does not block a new import.
	if err := update(func(r *store.ImportRecord) { r.FinishedAt, r.State = &later, "finished" }); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, "OpenImports with problems", open(), []uuid.UUID{first.ID})
	over := "over"
	first.FinishedAt, first.State, first.Stage = &later, "finished", &over
	wantEqual(t, "Import, finished", must(r.Import(ctx, first.ID))(t), first)
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	remove(store.ImportFile, store.ImportProblems)
	wantEqual(t, "OpenImports after", open(), []uuid.UUID{second.ID})
}
