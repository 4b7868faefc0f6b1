package importing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/importfile"
	"cardinal/internal/store"
)

// Check reads a file to its end and writes nothing: it tells of each row with problems, and returns what an import would do.
func Check(ctx context.Context, k directory.Desk, src Source, o Options, faulty OnInvalidRow, onRow func(rows int64)) (Plan, error) {
	plan := Plan{Hashes: map[string]int64{}, lateFaults: map[int64][]cardinal.Fault{}}
	what := directory.Rule{Action: "import.start", Permission: "users.import"}
	reader, err := k.Read(ctx, what)
	if err != nil {
		return directory.RecordDenied[Plan](ctx, k, what, err)
	}
	rules, err := newRules(ctx, k, reader)
	if err != nil {
		return plan, err
	}
	seen, err := newDuplicateFinder()
	if err != nil {
		return plan, fmt.Errorf("make temporary files: %w", err)
	}
	defer seen.close()
	content, err := openContent(src)
	if err != nil {
		return plan, err
	}
	defer content.Close()
	r, err := rules.forEachRow(ctx, content, o.File, func(r *importfile.Reader, row *importfile.Row, faults []cardinal.Fault) error {
		plan.Rows++
		plan.Faulty++
		return faulty(r, row, faults)
	}, func(_ *importfile.Reader, list []checkedRow, last int64) error {
		if err := plan.classify(ctx, reader, list, seen); err != nil {
			return err
		}
		onRow(last)
		return nil
	})
	if err != nil {
		return plan, err
	}
	plan.Format, plan.Columns = r.Format, r.Columns
	if plan.mac, err = content.mac(k.Directory(), o.File); err != nil {
		return plan, err
	}
	repeated, err := seen.duplicates()
	if err != nil {
		return plan, fmt.Errorf("read temporary files: %w", err)
	}
	for number, before := range repeated {
		if _, ok := plan.lateFaults[number]; !ok {
			plan.New--
			plan.Faulty++
			plan.lateFaults[number] = []cardinal.Fault{*cardinal.NewFault("row_duplicate", before)}
		}
	}
	if len(plan.lateFaults) >= maxDuplicates {
		return plan, fmt.Errorf("%w: more than %d rows claim what others have; is it the right file, and the right column?", importfile.ErrFile, maxDuplicates)
	}
	if err := plan.reportLateFaults(src, o, faulty); err != nil {
		return plan, err
	}
	earlier, err := reader.ImportsOf(ctx, plan.mac)
	if err != nil {
		return plan, err
	}
	if len(earlier) > 0 {
		run, _, err := decryptRun(k.Directory(), earlier[0])
		plan.Earlier = &run
		return plan, err
	}
	return plan, nil
}

// classify sorts a batch into new, there and faulty.
func (plan *Plan) classify(ctx context.Context, r store.Reader, list []checkedRow, seen *duplicateFinder) error {
	found, err := findExisting(ctx, r, list)
	if err != nil {
		return err
	}
	for i := range list {
		c := &list[i]
		plan.Rows++
		switch err := found.classify(c); {
		case errors.Is(err, errExists):
			plan.Existing++
			continue // what is there cannot be repeated to any harm
		case err != nil:
			plan.Faulty++
			plan.lateFaults[c.number] = cardinal.FaultsOf(err)
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

// reportLateFaults reads the file once more for the rows whose faults showed late.
func (plan *Plan) reportLateFaults(src Source, o Options, faulty OnInvalidRow) error {
	left := len(plan.lateFaults)
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
		if faults, ok := plan.lateFaults[row.Number]; ok {
			left--
			if err := faulty(r, &row, slices.Clone(faults)); err != nil {
				return err
			}
		}
	}
	return nil
}
