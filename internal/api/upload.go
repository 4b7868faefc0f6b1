package api

import (
	"bufio"
	"cardinal/internal/importing"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"cardinal"
)

const (
	uploadPath = "/v1/imports"
	hashConfig = "Import-Hash-Config"
)

// uploadTypes are the media types of files. What a file is, its content says.
var uploadTypes = []string{"application/json", "application/x-ndjson", "text/csv"}

// uploadLimits bound the body of an upload, which the limits of all other bodies do not.
type uploadLimits struct {
	bytes int64
	pace  int           // bytes that must come or go
	in    time.Duration // within this
}

var standardUploads = uploadLimits{bytes: 1 << 30, pace: 64 << 10, in: 30 * time.Second}

// IsUpload reports whether a request's body is a file, whose length and pace are bounded here and not by the server.
func IsUpload(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == uploadPath }

// paced moves the deadlines of a connection on as long as bytes come, or go, at the pace that is asked for.
type paced struct {
	limits  uploadLimits
	control *http.ResponseController
	n       int
}

func (a *API) paced(w http.ResponseWriter) *paced {
	p := &paced{limits: a.uploads, control: http.NewResponseController(w)}
	p.move()
	return p
}

// move gives the next bytes their time. A writer without deadlines, as tests have, is none that keeps a connection.
func (p *paced) move() {
	until := time.Now().Add(p.limits.in)
	_ = p.control.SetReadDeadline(until)
	_ = p.control.SetWriteDeadline(until)
}

func (p *paced) count(n int) {
	if p.n += n; p.n >= p.limits.pace {
		p.n = 0
		p.move()
	}
}

// pacedBody is a body that has to come at a pace, and the error that ended it.
type pacedBody struct {
	io.Reader
	pace *paced
	err  error
}

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.pace.count(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// upload streams a file into the directory.
func (a *API) upload(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run, err := a.receive(w, r, o)
		if err != nil {
			w.Header().Set("Connection", "close") // what is left of the body is not worth reading
			a.refuse(w, r, a.problemOf(r.Context(), err))
			return
		}
		w.Header().Set("Location", location("imports", run.ID))
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(http.StatusAccepted)
		answer(w, run)
	}
}

func (a *API) receive(w http.ResponseWriter, r *http.Request, o *huma.Operation) (cardinal.ImportRun, error) {
	k, err := a.desk(r, o)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	if accept := r.Header["Accept"]; accept != nil && !accepts(accept) {
		return cardinal.ImportRun{}, problem("not_acceptable", "application/json")
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || !slices.Contains(uploadTypes, kind) || r.Header.Get("Content-Encoding") != "" {
		return cardinal.ImportRun{}, problem("media_type", "text/csv, application/x-ndjson or application/json, not compressed")
	}
	in, faults := newImport(r, o)
	if len(faults) > 0 {
		return cardinal.ImportRun{}, faulty(faults)
	}
	if r.ContentLength > a.uploads.bytes {
		return cardinal.ImportRun{}, a.uploadTooLarge()
	}
	pace := a.paced(w)
	body := &pacedBody{Reader: http.MaxBytesReader(w, r.Body, a.uploads.bytes), pace: pace}
	run, err := importing.Upload(r.Context(), k, in, body)
	pace.move() // for the answer
	var tooLarge *http.MaxBytesError
	var invalid *cardinal.Invalid
	switch {
	case errors.As(body.err, &tooLarge):
		err = a.uploadTooLarge()
	case body.err != nil:
		err = problem("body_incomplete", "at a rate of at least 64 KiB in 30 seconds")
	case errors.As(err, &invalid):
		err = faulty(asParameters(invalid.Faults))
	}
	return run, err
}

func (a *API) uploadTooLarge() *Problem {
	return problem("body_too_large", "1 GiB, or import the file with cardinal import")
}

// newImport reads how a file is to be taken.
func newImport(r *http.Request, o *huma.Operation) (cardinal.NewImport, []cardinal.Fault) {
	faults := queryFaults(r.URL.RawQuery, o)
	bad := func(name, message string) {
		if !slices.ContainsFunc(faults, func(f cardinal.Fault) bool { return f.Parameter == name }) {
			faults = append(faults, cardinal.ParameterFault(name, "parameter_format", message))
		}
	}
	query, _ := url.ParseQuery(r.URL.RawQuery)
	in := cardinal.NewImport{Name: query.Get("name"), Format: query.Get("format"), FirebaseHash: r.Header.Get(hashConfig), Start: query.Get("start") == "true"}
	for _, pair := range query["map"] {
		column, field, ok := strings.Cut(pair, "=")
		if _, twice := in.Map[column]; !ok || twice {
			bad("map", "use COLUMN=FIELD, each column once")
		}
		if in.Map == nil {
			in.Map = map[string]string{}
		}
		in.Map[column] = field
	}
	if in.Format != "" && !slices.Contains(importing.Formats(), in.Format) {
		bad("format", "use one of "+strings.Join(importing.Formats(), ", "))
	}
	if !slices.Contains([]string{"", "true", "false"}, query.Get("start")) {
		bad("start", "use true or false")
	}
	return in, faults
}

// asParameters puts the names of parameters in place of pointers into a body that has none.
func asParameters(faults []cardinal.Fault) []cardinal.Fault {
	out := slices.Clone(faults)
	for i, f := range out {
		out[i].Pointer, out[i].Parameter = "", strings.TrimPrefix(f.Pointer, "/")
	}
	return out
}

// importProblems streams the rows with problems.
func (a *API) importProblems(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		rows, err := a.openProblems(w, r, o)
		if err != nil {
			a.refuse(w, r, a.problemOf(r.Context(), err))
			return
		}
		defer rows.Close()
		in := bufio.NewReaderSize(&pacedBody{Reader: rows, pace: a.paced(w)}, 64<<10)
		first, err := in.Peek(1)
		if err != nil && err != io.EOF {
			a.refuse(w, r, a.problemOf(r.Context(), err))
			return
		}
		kind := "text/csv"
		if len(first) == 0 || first[0] == '{' {
			kind = "application/x-ndjson"
		}
		if !accepts(r.Header.Values("Accept"), kind) {
			a.refuse(w, r, problem("not_acceptable", kind))
			return
		}
		w.Header().Set("Content-Type", kind)
		if _, err := io.Copy(w, struct{ io.Reader }{in}); err != nil {
			panic(http.ErrAbortHandler) // an answer that was cut must not look whole
		}
	}
}

func (a *API) openProblems(w http.ResponseWriter, r *http.Request, o *huma.Operation) (io.ReadCloser, error) {
	k, err := a.desk(r, o)
	if err != nil {
		return nil, err
	}
	if _, refused := a.body(w, r, o); refused != nil {
		return nil, refused
	}
	faults := queryFaults(r.URL.RawQuery, o)
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil || !canonicalID.MatchString(r.PathValue("id")) {
		faults = append(faults, cardinal.ParameterFault("id", "parameter_format", "use a UUID in its canonical form"))
	}
	if len(faults) > 0 {
		return nil, faulty(faults)
	}
	return importing.Problems(r.Context(), k, id)
}
