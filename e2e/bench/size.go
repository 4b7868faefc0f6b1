package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"cardinal/internal/pgtest"
)

// smallSize is the number of users of the small database that the large one is compared with.
const smallSize = 10_000

// sizes measures operations whose cost must not depend on the number of users. It measures them alternately with few
// and with all users.
func (b *bench) sizes() error {
	cluster, err := pgtest.Start(pgtest.Options{Durable: true})
	if err != nil {
		return err
	}
	defer cluster.Stop()
	for name, n := range map[string]int{"few": smallSize, "all": b.people} {
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

// populated is a service with imported users.
type populated struct {
	*service
	db, folder string
	people     int
	token      string // of the administrator
	passwords  int    // number of users for signIn
	deepPage   string // path of a page near the end of the list
	importCost importCost
}

func (b *bench) sizesOn(engine string, database func(string) (string, error), helpers []int) error {
	few, err := b.populate("few", smallSize, database, helpers)
	if err != nil {
		return err
	}
	defer few.stop()
	all, err := b.populate("all", b.people, database, helpers)
	if err != nil {
		return err
	}
	defer all.stop()
	b.add(figure{what: "import, peak memory ÷ at 10,000 users", engine: engine,
		value: all.importCost.memory / few.importCost.memory, target: 1.3,
		limit: fmt.Sprintf("%.0f MiB at 10,000 users", few.importCost.memory), samples: b.people})
	b.add(figure{what: "import at that size, CPU per 1,000 users", engine: engine, unit: "s",
		value: all.importCost.cpu.Seconds() * 1000 / float64(b.people), target: 0.6,
		limit: fmt.Sprintf("%.3f s at 10,000 users", few.importCost.cpu.Seconds()*1000/smallSize), samples: b.people})
	measures := []func(string, *populated, *populated) error{b.pages, b.lookups, b.sessionChecks, b.signInsAtSize}
	for _, measure := range measures {
		if err := measure(engine, few, all); err != nil {
			return err
		}
	}
	if err := b.search(engine, all); err != nil {
		return err
	}
	if err := all.raiseLimits(); err != nil {
		return err
	}
	if err := b.crowd(engine, all); err != nil {
		return err
	}
	if err := b.storm(engine, all); err != nil {
		return err
	}
	return b.diskUse(engine, all)
}

// populate creates a database with an administrator, imported users and some users for signIn, and starts the service
// on it.
func (b *bench) populate(name string, people int, database func(string) (string, error), helpers []int) (
	*populated, error,
) {
	w := &populated{folder: filepath.Join(b.dir, "size", name), people: people, passwords: 30}
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
	if w.token, err = w.setUp(); err != nil {
		return nil, err
	}
	for i := range w.passwords {
		if err := w.createUser(w.token, i); err != nil {
			return nil, err
		}
	}
	if err := w.stop(); err != nil {
		return nil, err
	}
	keys, file := filepath.Join(w.folder, "keys"), filepath.Join(b.dir, name+".ndjson")
	if w.importCost, err = b.importFile(w.db, keys, file, helpers); err != nil {
		return nil, err
	}
	if err := vacuum(w.db); err != nil {
		return nil, err
	}
	if w.service, _, err = b.start(w.db, w.folder); err != nil {
		return nil, err
	}
	w.helperPIDs = helpers
	w.deepPage, err = w.deepPageAfter(people * 9 / 10)
	return w, err
}

const pageOf50 = "/v1/users?limit=50&expand=profile"

// deepPageAfter reads the list up to a page after a number of users, and returns the path of that page.
func (w *populated) deepPageAfter(people int) (string, error) {
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

// costPair is the CPU time of a request with few and with all users.
type costPair struct{ few, all time.Duration }

func (c costPair) ratio() float64 { return float64(c.all) / float64(c.few) }

// alternate sends n requests to each service, in alternating rounds, because other load on the machine varies.
func alternate(n int, few, all *populated, send func(w *populated, c *http.Client, i int) error) (costPair, error) {
	const turns = 6
	var sum costPair
	for range turns {
		for _, at := range []struct {
			w    *populated
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

func get(w *populated, c *http.Client, path string) error {
	_, err := call(c, "GET", w.base+path, w.token, nil)
	return err
}

func (b *bench) pages(engine string, few, all *populated) error {
	n := b.requests / 10
	first, err := alternate(n, few, all, func(w *populated, c *http.Client, _ int) error { return get(w, c, pageOf50) })
	if err != nil {
		return err
	}
	deep, err := alternate(n, few, all, func(w *populated, c *http.Client, _ int) error {
		return get(w, c, w.deepPage)
	})
	if err != nil {
		return err
	}
	b.addSized("page of 50 with profiles, first, CPU", engine, "ms", 1.5, 1.3, first, n)
	b.addSized("page of 50 with profiles, deep, CPU", engine, "ms", 1.5, 1.3, deep, n)
	b.add(figure{what: "page of 50, deep ÷ first", engine: engine,
		value: float64(deep.all) / float64(first.all), target: 1.1, limit: "at that size", samples: n})
	return nil
}

func (b *bench) lookups(engine string, few, all *populated) error {
	cost, err := alternate(b.requests/4, few, all, func(w *populated, c *http.Client, i int) error {
		return get(w, c, "/v1/users?email="+url.QueryEscape(emailOf(i*7919%w.people)))
	})
	b.addSized("look-up by email, CPU", engine, "ms", 0.3, 1.3, cost, b.requests/4)
	return err
}

func (b *bench) sessionChecks(engine string, few, all *populated) error {
	cost, err := alternate(b.requests, few, all, func(w *populated, c *http.Client, _ int) error {
		return get(w, c, "/v1/session")
	})
	b.addRatio("session check", engine, "ms", 1.1, cost, b.requests)
	return err
}

func (b *bench) signInsAtSize(engine string, few, all *populated) error {
	cost, err := alternate(b.signIns, few, all, func(w *populated, c *http.Client, i int) error {
		return w.signInOne(c, i)
	})
	b.addRatio("sign-in", engine, "ms", 1.1, cost, b.signIns)
	return err
}

// signInOne signs in as one of the users with a password, in turn.
func (w *populated) signInOne(c *http.Client, i int) error { return w.signIn(c, i%w.passwords) }

// addSized adds the cost with all users, and its ratio to the cost with few users.
func (b *bench) addSized(what, engine, unit string, target, ratio float64, cost costPair, samples int) {
	b.add(figure{what: what, engine: engine, unit: unit, value: milliseconds(cost.all), target: target,
		limit: fmt.Sprintf("empty handler %.3f ms", milliseconds(b.empty)), samples: samples})
	b.addRatio(what, engine, unit, ratio, cost, samples)
}

func (b *bench) addRatio(what, engine, unit string, target float64, cost costPair, samples int) {
	b.add(figure{what: what + " ÷ at 10,000 users", engine: engine, value: cost.ratio(), target: target,
		limit: fmt.Sprintf("%.3f %s at 10,000 users", milliseconds(cost.few), unit), samples: samples})
}

func milliseconds(d time.Duration) float64 { return microseconds(d) / 1000 }
