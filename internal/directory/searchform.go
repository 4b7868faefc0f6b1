package directory

import (
	"context"
	"sync/atomic"
	"time"

	"cardinal/internal/store"
)

// The form of search tokens changes while nodes of both versions run, and searches continue. The column form of
// search_builds says which tokens a finished scan of all users left:
//
//   - formExact: tokens of every prefix, as the first version writes and reads them;
//   - formBoth: these, and bucketed ones. A scan writes them after the contraction of store.BucketsMigration, when no
//     node of the first version is left. From its end on, searches use the bucketed ones;
//   - formBucketed: bucketed ones only. The next scan writes them, and so deletes the exact ones.
//
// Until the first scan has ended, changes of users write both forms, so that it misses no user.
const (
	formExact    = 1
	formBoth     = 2
	formBucketed = 3
)

// tokenForms are the kinds of tokens that are written for a user; none when search is off.
type tokenForms struct{ exact, bucketed, domains bool }

func (f tokenForms) any() bool { return f.exact || f.bucketed }

// formsOf returns what a scan with a form writes.
func formsOf(form int64, s Settings) tokenForms {
	exact := form < formBucketed
	return tokenForms{exact: exact, bucketed: true, domains: exact || s.SearchDomains}
}

// formsCache caches the forms in a node: every change of a name or an address needs them.
type formsCache struct {
	cached atomic.Pointer[cachedForms]
}

type cachedForms struct {
	tokenForms
	validUntil time.Time
}

// writtenForms returns which tokens are written for a user who is created or changed. The answer can be old, by half of
// searchPropagationTime at most.
func (d *Directory) writtenForms(ctx context.Context, r store.Reader) (tokenForms, error) {
	if c := d.searchForms.cached.Load(); c != nil && time.Now().Before(c.validUntil) {
		return c.tokenForms, nil
	}
	s, err := d.CurrentSettings(ctx, r)
	if err != nil {
		return tokenForms{}, err
	}
	var forms tokenForms
	if s.SearchOn {
		form, err := currentForm(ctx, r)
		if err != nil {
			return tokenForms{}, err
		}
		if form == formBoth {
			form = formBucketed // searches use these already
		}
		forms = formsOf(form, s)
	}
	d.searchForms.cached.Store(&cachedForms{forms, time.Now().Add(searchPropagationTime / 2)})
	return forms, nil
}

// currentForm returns the form of the finished index. Without one, it is the form that will be built.
func currentForm(ctx context.Context, r store.Reader) (int64, error) {
	finished, err := r.LatestFinishedSearchBuild(ctx)
	if !isNotFound(err) {
		return finished.Form, err
	}
	return nextForm(ctx, r, store.SearchBuild{})
}

// nextForm returns the form of the next scan after a finished one; the zero SearchBuild for none.
func nextForm(ctx context.Context, r store.Reader, finished store.SearchBuild) (int64, error) {
	contracted, err := r.HasContraction(ctx, store.BucketsMigration)
	switch {
	case err != nil || !contracted:
		return formExact, err
	case finished.Form == formExact:
		return formBoth, nil
	}
	return formBucketed, nil
}
