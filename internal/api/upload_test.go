package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cardinal"
	"cardinal/internal/api"
	"cardinal/internal/directory/directorytest"
)

func TestUploads(t *testing.T) {
	for _, engine := range directorytest.Engines {
		t.Run(engine, func(t *testing.T) {
			h := open(t, engine)
			token := h.newImporter(t)
			csv := []string{"Content-Type", "text/csv"}
			created := h.do(t, "POST", "/v1/imports?name=people.csv&map=Login%3Dusername&map=team%3D", token,
				"Mail,Login,team\na@example.com,ana,red\nb@,bo,blue\n", csv...).want(t, http.StatusAccepted)
			path := created.Header().Get("Location")
			if path != "/v1/imports/"+created.text("id") || created.text("state") != "checking" ||
				created.text("name") != "people.csv" {
				t.Errorf("%s %s", path, created.Body)
			}
			h.runImportJobs(t)
			run := h.do(t, "GET", path, token, nil).want(t, http.StatusOK)
			check, _ := run.body["check"].(object)
			if run.text("state") != "checked" || check["rows"] != 2.0 || check["rows_new"] != 1.0 ||
				check["rows_faulty"] != 1.0 {
				t.Errorf("%s", run.Body)
			}
			problems := h.do(t, "GET", path+"/problems", token, nil, "Accept", "text/*").want(t, http.StatusOK)
			if problems.Header().Get("Content-Type") != "text/csv" ||
				!strings.HasPrefix(problems.Body.String(), "Mail,Login,team,problems\nb@,bo,blue,") {
				t.Errorf("%s", problems.Body)
			}
			h.do(t, "GET", path+"/problems", token, nil, "Accept", "application/json").
				wantProblem(t, http.StatusNotAcceptable, "not_acceptable")
			h.do(t, "GET", path+"/problems?x=1", token, nil).wantProblem(t, http.StatusBadRequest, "validation_failed")
			started := h.do(t, "POST", path+"/start", token, nil).want(t, http.StatusAccepted)
			h.runImportJobs(t)
			run = h.do(t, "GET", path, token, nil).want(t, http.StatusOK)
			if started.text("state") != "running" || run.text("state") != "finished" ||
				run.body["rows_created"] != 1.0 {
				t.Errorf("%s then %s", started.Body, run.Body)
			}
			if list := h.do(t, "GET", "/v1/imports?limit=1", token, nil).
				want(t, http.StatusOK).items(); len(list) != 1 || list[0]["id"] != created.text("id") {
				t.Errorf("%v", list)
			}
			h.do(t, "POST", path+"/undo", token, nil).want(t, http.StatusAccepted)
			h.runImportJobs(t)
			if run = h.do(t, "GET", path, token, nil); run.text("state") != "undone" || run.body["rows_undone"] != 1.0 {
				t.Errorf("%s", run.Body)
			}
			at := func(f string) string { return "/v1/imports?format=" + f }
			h.do(t, "POST", at("csv"), token, `{"email":"x@example.com"}`).
				wantProblem(t, http.StatusUnprocessableEntity, "validation_failed")
			h.do(t, "POST", "/v1/imports", token, "").wantProblem(t, http.StatusUnprocessableEntity,
				"validation_failed")
		})
	}
}

// TestUploadLimits starts a server, because deadlines belong to connections.
func TestUploadLimits(t *testing.T) {
	h := open(t, "sqlite")
	served := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.api.ServeHTTP(w, r.WithContext(api.WithRequest(r.Context(), cardinal.NewID(), h.from)))
	}))
	served.Config.ReadTimeout, served.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	served.Start()
	t.Cleanup(served.Close)
	token := h.newImporter(t)
	send := func(t *testing.T, body io.Reader) (int, string) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second) // an upload without limits would not end
		defer cancel()
		if pipe, ok := body.(io.Closer); ok {
			defer context.AfterFunc(ctx, func() { pipe.Close() })() // otherwise the client waits for its next byte
		}
		r, err := http.NewRequestWithContext(ctx, "POST", served.URL+"/v1/imports", body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/x-ndjson")
		got, err := served.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		var answer struct{ Code, State string }
		if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
		return got.StatusCode, answer.Code + answer.State
	}
	unsized := func(text []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(text)} }
	row := []byte(`{"email":"a@example.com"}` + "\n")
	long := bytes.Repeat(row, 100_000) // more than two chunks

	t.Run("Size", func(t *testing.T) {
		h.api.LimitUploads(int64(len(long)), 64<<10, 30*time.Second)
		if status, code := send(t, unsized(append(long, 'x'))); status != http.StatusRequestEntityTooLarge ||
			code != "body_too_large" {
			t.Error(status, code)
		}
		if status, code := send(t, unsized(long)); status != http.StatusAccepted || code != "checking" {
			t.Error(status, code)
		}
		h.undoLast(t, token)
	})
	t.Run("NoBytes", func(t *testing.T) {
		h.api.LimitUploads(1<<20, 1, 200*time.Millisecond)
		in, out := io.Pipe()
		go out.Write(row)
		defer out.Close()
		if status, code := send(t, in); status != http.StatusRequestTimeout || code != "body_incomplete" {
			t.Error(status, code)
		}
	})
	t.Run("Pace", func(t *testing.T) {
		if testing.Short() {
			t.Skip("slow")
		}
		h.api.LimitUploads(1<<20, 4*len(row), 2*time.Second)
		drip := func(every time.Duration) (int, string) {
			in, out := io.Pipe()
			go func() {
				for range 60 {
					if _, err := out.Write(row); err != nil {
						return
					}
					time.Sleep(every)
				}
				out.Close()
			}()
			return send(t, in)
		}
		// It takes longer than the deadlines of the server, and than one interval.
		if status, code := drip(40 * time.Millisecond); status != http.StatusAccepted || code != "checking" {
			t.Error(status, code)
		}
		h.undoLast(t, token)
		if status, code := drip(time.Second); status != http.StatusRequestTimeout || code != "body_incomplete" {
			t.Error(status, code)
		}
	})
}

// undoLast undoes the newest import.
func (h *testAPI) undoLast(t *testing.T, token string) {
	t.Helper()
	last, _ := h.do(t, "GET", "/v1/imports?limit=1", token, nil).want(t, http.StatusOK).items()[0]["id"].(string)
	h.do(t, "POST", "/v1/imports/"+last+"/undo", token, nil).want(t, http.StatusAccepted)
	h.runImportJobs(t)
}
