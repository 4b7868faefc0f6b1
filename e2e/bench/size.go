package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"cardinal/internal/pgtest"
)

// fewPeople is the size that figures at all people are held against.
const fewPeople = 10_000

// sizes measures what must not mind how many people there are: the same service with few and with all of them, in turns.
func (b *bench) sizes() error {
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	for name, n := range map[string]int{"few": fewPeople, "all": b.people} {
		if err := writePeople(filepath.Join(b.dir, name+".ndjson"), n, personWithPhone); err != nil {
			return err
		}
	}
	lite := func(name string) (string, error) { return "sqlite:" + filepath.Join(b.dir, "size", name+".db"), nil }
	if err := b.sizesOn("SQLite", lite, nil); err != nil {
		return err
	}
	postgres := func(name string) (string, error) { return newDatabase(cluster.URL(), "size_"+name) }
	return b.sizesOn("PostgreSQL", postgres, []int{cluster.PID()})
}

// world is a service with many people.
type world struct {
	*service
	db, folder string
	people     int
	token      string // of its administrator
	signsIn    int    // people whose password is known
	deep       string // the page far back
	made       imported
}

func (b *bench) sizesOn(engine string, database func(string) (string, error), others []int) error {
	few, err := b.populate("few", fewPeople, database, others)
	if err != nil {
		return err
	}
	defer few.stop()
	all, err := b.populate("all", b.people, database, others)
	if err != nil {
		return err
	}
	defer all.stop()
	b.add(figure{what: "import, peak memory ÷ at 10,000", engine: engine, value: all.made.memory / few.made.memory, reach: 1.3,
		limit: fmt.Sprintf("%.0f MiB at 10,000", few.made.memory), samples: b.people})
	b.add(figure{what: "import at that size, CPU for 1,000", engine: engine, unit: "s", value: all.made.cpu.Seconds() * 1000 / float64(b.people), reach: 0.6,
		limit: fmt.Sprintf("%.3f s at 10,000", few.made.cpu.Seconds()*1000/fewPeople), samples: b.people})
	for _, measure := range []func(string, *world, *world) error{b.pages, b.lookUps, b.sessionChecks, b.signInsAtSize} {
		if err := measure(engine, few, all); err != nil {
			return err
		}
	}
	if err := b.search(engine, all); err != nil {
		return err
	}
	if err := b.storm(engine, all); err != nil {
		return err
	}
	return b.disk(engine, all)
}

// populate makes a database with an administrator, imported people and some whose password is known, and starts the service on it.
func (b *bench) populate(name string, people int, database func(string) (string, error), others []int) (*world, error) {
	w := &world{folder: filepath.Join(b.dir, "size", name), people: people, signsIn: 30}
	if err := os.MkdirAll(w.folder, 0o700); err != nil {
		return nil, err
	}
	var err error
	if w.db, err = database(name); err != nil {
		return nil, err
	}
	if w.service, _, err = b.start(w.db, w.folder); err != nil {
		return nil, err
	}
	set, err := call(http.DefaultClient, "POST", w.base+"/v1/set-up", "", map[string]any{"token": w.link, "email": "bench@example.com", "password": secret})
	if err != nil {
		return nil, err
	}
	w.token = set["token"].(string)
	for i := range w.signsIn {
		if _, err := call(http.DefaultClient, "POST", w.base+"/v1/users", w.token, map[string]any{"username": fmt.Sprintf("signs-in-%d", i), "password": secret}); err != nil {
			return nil, err
		}
	}
	if err := w.stop(); err != nil {
		return nil, err
	}
	if w.made, err = b.importFile(w.db, filepath.Join(w.folder, "keys"), filepath.Join(b.dir, name+".ndjson"), others); err != nil {
		return nil, err
	}
	if err := settle(w.db); err != nil {
		return nil, err
	}
	if w.service, _, err = b.start(w.db, w.folder); err != nil {
		return nil, err
	}
	w.others = others
	w.deep, err = w.farBack(people * 9 / 10)
	return w, err
}

const pageOf50 = "/v1/users?limit=50&expand=profile"

// farBack walks the list until a page after so many people.
func (w *world) farBack(people int) (string, error) {
	next := "/v1/users?limit=200&expand=profile"
	for range max(people/200, 1) {
		page, err := call(http.DefaultClient, "GET", w.base+next, w.token, nil)
		if err != nil {
			return "", err
		}
		next = page["next"].(string)
	}
	u, err := url.Parse(next)
	if err != nil {
		return "", err
	}
	return pageOf50 + "&after=" + url.QueryEscape(u.Query().Get("after")), nil
}

// costs is the CPU of a request with few people and with all.
type costs struct{ few, all time.Duration }

func (c costs) ratio() float64 { return float64(c.all) / float64(c.few) }

// inTurns sends n requests to each, in turns: the machine drifts with what else it does.
func inTurns(n int, few, all *world, send func(w *world, c *http.Client, i int) error) (costs, error) {
	const turns = 6
	var sum costs
	for range turns {
		for _, at := range []struct {
			w    *world
			cost *time.Duration
		}{{few, &sum.few}, {all, &sum.all}} {
			cost, err := load(n/turns, at.w.cpu, func(c *http.Client, i int) error { return send(at.w, c, max(i, -i)) })
			if err != nil {
				return sum, err
			}
			*at.cost += cost / turns
		}
	}
	return sum, nil
}

func get(w *world, c *http.Client, path string) error {
	_, err := call(c, "GET", w.base+path, w.token, nil)
	return err
}

func (b *bench) pages(engine string, few, all *world) error {
	n := b.requests / 10
	first, err := inTurns(n, few, all, func(w *world, c *http.Client, _ int) error { return get(w, c, pageOf50) })
	if err != nil {
		return err
	}
	deep, err := inTurns(n, few, all, func(w *world, c *http.Client, _ int) error { return get(w, c, w.deep) })
	if err != nil {
		return err
	}
	b.addSized("page of 50 with profiles, first, CPU", engine, "ms", 1.5, 1.3, first, n)
	b.addSized("page of 50 with profiles, deep, CPU", engine, "ms", 1.5, 1.3, deep, n)
	b.add(figure{what: "page of 50, deep ÷ first", engine: engine, value: float64(deep.all) / float64(first.all), reach: 1.1, limit: "at that size", samples: n})
	return nil
}

func (b *bench) lookUps(engine string, few, all *world) error {
	cost, err := inTurns(b.requests/4, few, all, func(w *world, c *http.Client, i int) error {
		return get(w, c, "/v1/users?email="+url.QueryEscape(emailOf(i*7919%w.people)))
	})
	b.addSized("look-up by e-mail, CPU", engine, "ms", 0.3, 1.3, cost, b.requests/4)
	return err
}

func (b *bench) sessionChecks(engine string, few, all *world) error {
	cost, err := inTurns(b.requests, few, all, func(w *world, c *http.Client, _ int) error { return get(w, c, "/v1/session") })
	b.addRatio("session check", engine, "ms", 1.1, cost, b.requests)
	return err
}

func (b *bench) signInsAtSize(engine string, few, all *world) error {
	cost, err := inTurns(b.signIns, few, all, func(w *world, c *http.Client, i int) error { return w.signIn(c, i) })
	b.addRatio("sign-in", engine, "ms", 1.1, cost, b.signIns)
	return err
}

func (w *world) signIn(c *http.Client, i int) error {
	_, err := call(c, "POST", w.base+"/v1/sign-in", "", map[string]any{"identifier": "signs-in-" + strconv.Itoa(i%w.signsIn), "password": secret})
	return err
}

// addSized adds a cost at all people, and its ratio to that at few.
func (b *bench) addSized(what, engine, unit string, reach, ratio float64, cost costs, samples int) {
	b.add(figure{what: what, engine: engine, unit: unit, value: milliseconds(cost.all), reach: reach, limit: fmt.Sprintf("empty handler %.3f ms", milliseconds(b.empty)), samples: samples})
	b.addRatio(what, engine, unit, ratio, cost, samples)
}

func (b *bench) addRatio(what, engine, unit string, reach float64, cost costs, samples int) {
	b.add(figure{what: what + " ÷ at 10,000", engine: engine, value: cost.ratio(), reach: reach, limit: fmt.Sprintf("%.3f %s at 10,000", milliseconds(cost.few), unit), samples: samples})
}

func milliseconds(d time.Duration) float64 { return microseconds(d) / 1000 }
