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
	"strconv"
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

// uploadTypes are the media types of files. The format of a file is detected from its content.
var uploadTypes = []string{"application/json", "application/x-ndjson", "text/csv"}

// uploadLimits limit the body of an upload. The limits of all other bodies do not apply to it.
type uploadLimits struct {
	size     int64         // bytes
	pace     int           // bytes that must arrive, or be sent,
	interval time.Duration // within this time
}

var standardUploads = uploadLimits{size: 1 << 30, pace: 64 << 10, interval: 30 * time.Second}

// IsUpload reports whether the body of a request is a file. The API limits its size and pace, not the server.
func IsUpload(r *http.Request) bool { return r.Method == http.MethodPost && r.URL.Path == uploadPath }

// pacer extends the deadlines of a connection as long as its bytes arrive, or are sent, at the minimum pace.
type pacer struct {
	limits  uploadLimits
	control *http.ResponseController
	n       int // bytes since the deadlines were extended
}

func (a *API) newPacer(w http.ResponseWriter) *pacer {
	p := &pacer{limits: a.uploads, control: http.NewResponseController(w)}
	p.extend()
	return p
}

// extend sets the deadlines for the next bytes. Errors are ignored: a writer without deadlines, as in tests, has no
// connection.
func (p *pacer) extend() {
	deadline := time.Now().Add(p.limits.interval)
	_ = p.control.SetReadDeadline(deadline)
	_ = p.control.SetWriteDeadline(deadline)
}

func (p *pacer) count(n int) {
	if p.n += n; p.n >= p.limits.pace {
		p.n = 0
		p.extend()
	}
}

// pacedReader is a body with a minimum pace, and the error that ended it.
type pacedReader struct {
	io.Reader
	pace *pacer
	err  error
}

func (b *pacedReader) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	b.pace.count(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}

// upload streams a file to the directory.
func (a *API) upload(o *huma.Operation) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		run, err := a.receive(w, r, o)
		if err != nil {
			w.Header().Set("Connection", "close") // the rest of the body is not read
			a.writeError(w, r, err)
			return
		}
		w.Header().Set("Location", location("imports", run.ID))
		w.Header()["Content-Type"] = jsonType
		w.WriteHeader(http.StatusAccepted)
		writeJSON(w, run)
	}
}

func (a *API) receive(w http.ResponseWriter, r *http.Request, o *huma.Operation) (cardinal.ImportRun, error) {
	desk, err := a.authenticate(r, o)
	if err != nil {
		return cardinal.ImportRun{}, err
	}
	if !accepts(r.Header["Accept"], jsonRanges) {
		return cardinal.ImportRun{}, NewProblem("not_acceptable", "application/json")
	}
	mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(uploadTypes, mediaType) || r.Header.Get("Content-Encoding") != "" {
		const supported = "text/csv, application/x-ndjson or application/json, not compressed"
		return cardinal.ImportRun{}, NewProblem("media_type", supported)
	}
	fieldErrors := cardinal.FieldErrors(a.validate(r, o, nil))
	in, isMapValid := newImport(r)
	isMap := func(f cardinal.FieldError) bool { return f.Parameter == "map" }
	if !isMapValid && !slices.ContainsFunc(fieldErrors, isMap) {
		fieldErrors.AddParameter("map", "parameter_format", "Use COLUMN=FIELD, each column once.")
	}
	if err := fieldErrors.Err(); err != nil {
		return cardinal.ImportRun{}, err
	}
	if r.ContentLength > a.uploads.size {
		return cardinal.ImportRun{}, uploadTooLarge()
	}
	pace := a.newPacer(w)
	body := &pacedReader{Reader: http.MaxBytesReader(w, r.Body, a.uploads.size), pace: pace}
	run, err := importing.Upload(r.Context(), desk, in, body)
	pace.extend() // for the answer
	var tooLarge *http.MaxBytesError
	var invalid *cardinal.InvalidInput
	switch {
	case errors.As(body.err, &tooLarge):
		err = uploadTooLarge()
	case body.err != nil:
		err = NewProblem("body_incomplete", "30 seconds for each 64 KiB")
	case errors.As(err, &invalid):
		err = &cardinal.InvalidInput{Errors: asParameters(invalid.Errors)}
	}
	return run, err
}

func uploadTooLarge() *Problem {
	return NewProblem("body_too_large", "1 GiB, or import the file with cardinal import")
}

// newImport returns the import that a request describes, and whether its parameter map is valid.
func newImport(r *http.Request) (in cardinal.NewImport, isMapValid bool) {
	query, _ := url.ParseQuery(r.URL.RawQuery)
	start, _ := strconv.ParseBool(query.Get("start"))
	in = cardinal.NewImport{Name: query.Get("name"), Format: query.Get("format"), Start: start}
	in.FirebaseHash = r.Header.Get(hashConfig)
	isMapValid = true
	for _, pair := range query["map"] {
		column, field, ok := strings.Cut(pair, "=")
		if _, isRepeated := in.Map[column]; !ok || isRepeated {
			isMapValid = false
		}
		if in.Map == nil {
			in.Map = map[string]string{}
		}
		in.Map[column] = field
	}
	return in, isMapValid
}

// asParameters converts pointers into a body to names of parameters: the body of an upload has no fields.
func asParameters(fieldErrors []cardinal.FieldError) []cardinal.FieldError {
	out := slices.Clone(fieldErrors)
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
			a.writeError(w, r, err)
			return
		}
		defer rows.Close()
		in := bufio.NewReaderSize(&pacedReader{Reader: rows, pace: a.newPacer(w)}, 64<<10)
		first, err := in.Peek(1)
		if err != nil && err != io.EOF {
			a.writeError(w, r, err)
			return
		}
		mediaType := "text/csv"
		if len(first) == 0 || first[0] == '{' {
			mediaType = "application/x-ndjson"
		}
		if !accepts(r.Header.Values("Accept"), rangesOf(mediaType)) {
			a.writeError(w, r, NewProblem("not_acceptable", mediaType))
			return
		}
		w.Header().Set("Content-Type", mediaType)
		if _, err := io.Copy(w, struct{ io.Reader }{in}); err != nil {
			panic(http.ErrAbortHandler) // an incomplete answer must not look complete
		}
	}
}

func (a *API) openProblems(w http.ResponseWriter, r *http.Request, o *huma.Operation) (io.ReadCloser, error) {
	desk, err := a.authenticate(r, o)
	if err != nil {
		return nil, err
	}
	if _, err := readBody(w, r, o); err != nil { // there is none
		return nil, err
	}
	if err := cardinal.FieldErrors(a.validate(r, o, nil)).Err(); err != nil {
		return nil, err
	}
	id, err := uuid.Parse(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return importing.Problems(r.Context(), desk, id)
}
