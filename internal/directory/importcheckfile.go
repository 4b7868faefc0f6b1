package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardinal"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// CheckImport reads a file to its end and writes nothing: it tells of each row with problems, and returns what an import would do.
func (k Desk) CheckImport(ctx context.Context, src ImportSource, o ImportOptions, faulty ImportFaults, tell func(rows int64)) (ImportPlan, error) {
	plan := ImportPlan{Hashes: map[string]int64{}, late: map[int64][]cardinal.Fault{}}
	what := Rule{Action: "import.start", Permission: "users.import"}
	reader, err := k.Read(ctx, what)
	if err != nil {
		return RecordDenied[ImportPlan](ctx, k, what, err)
	}
	rules, err := k.newImportRules(ctx, reader)
	if err != nil {
		return plan, err
	}
	seen, err := newSpill()
	if err != nil {
		return plan, fmt.Errorf("make temporary files: %w", err)
	}
	defer seen.close()
	content, err := openContent(src)
	if err != nil {
		return plan, err
	}
	defer content.Close()
	r, err := rules.eachCandidate(ctx, content, o.File, func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error {
		plan.Rows++
		plan.Faulty++
		return faulty(r, row, faults)
	}, func(_ *importfile.Reader, list []candidate, last int64) error {
		if err := plan.judge(ctx, reader, list, seen); err != nil {
			return err
		}
		tell(last)
		return nil
	})
	if err != nil {
		return plan, err
	}
	plan.Format, plan.Columns = r.Format, r.Columns
	if plan.mac, err = content.mac(k.d, o.File); err != nil {
		return plan, err
	}
	repeated, err := seen.repeated()
	if err != nil {
		return plan, fmt.Errorf("read temporary files: %w", err)
	}
	for number, before := range repeated {
		if _, ok := plan.late[number]; !ok {
			plan.New--
			plan.Faulty++
			plan.late[number] = []cardinal.Fault{*cardinal.NewFault("row_duplicate", before)}
		}
	}
	if len(plan.late) >= mostRepeated {
		return plan, fmt.Errorf("%w: more than %d rows claim what others have; is it the right file, and the right column?", importfile.ErrFile, mostRepeated)
	}
	if err := plan.tellLate(src, o, faulty); err != nil {
		return plan, err
	}
	earlier, err := reader.ImportsOf(ctx, plan.mac)
	if err != nil {
		return plan, err
	}
	if len(earlier) > 0 {
		run, _, err := k.d.openImport(earlier[0])
		plan.Earlier = &run
		return plan, err
	}
	return plan, nil
}

// judge sorts a batch into new, there and faulty.
func (plan *ImportPlan) judge(ctx context.Context, r store.Reader, list []candidate, seen *spill) error {
	found, err := lookUp(ctx, r, list)
	if err != nil {
		return err
	}
	for i := range list {
		c := &list[i]
		plan.Rows++
		switch err := found.judge(c); {
		case errors.Is(err, errThere):
			plan.Existing++
			continue // what is there cannot be repeated to any harm
		case err != nil:
			plan.Faulty++
			plan.late[c.number] = cardinal.FaultsOf(err)
			continue
		}
		plan.New++
		if c.hash != nil {
			name := c.hash.Scheme()
			if _, fit := c.hash.PHC(); !fit {
				name += " (weak: wrapped in Argon2id)"
			}
			plan.Hashes[name]++
		}
		if err := seen.add(c); err != nil {
			return fmt.Errorf("write a temporary file: %w", err)
		}
	}
	return nil
}

// tellLate reads the file once more for the rows whose faults showed late.
func (plan *ImportPlan) tellLate(src ImportSource, o ImportOptions, faulty ImportFaults) error {
	left := len(plan.late)
	if left == 0 {
		return nil
	}
	in, err := src.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	r, err := importfile.Open(in, o.File)
	if err != nil {
		return err
	}
	var row importfile.Row
	for left > 0 {
		if err := r.Read(&row); err != nil {
			return err
		}
		if faults, ok := plan.late[row.Number]; ok {
			left--
			if err := faulty(r, &row, slices.Clone(faults)); err != nil {
				return err
			}
		}
	}
	return nil
}
