package server

import (
	"cardinal/internal/directory"
	"context"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests by route and class of status. A route is found without a lock and without hashing its
// labels, because a session check costs little more than this.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	page     http.Handler

	routes atomic.Pointer[map[string]*route] // a map is never changed, only replaced
	adding sync.Mutex
}

// maxRoutes limits the number of labels, for an API that would set many patterns.
const maxRoutes = 512

var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

type route struct {
	class [len(classes)]atomic.Pointer[series]
}

type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func newMetrics(
	registry *prometheus.Registry, inFlight func() float64, stats func(context.Context) (directory.Stats, bool),
) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	labels := []string{"route", "status"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cardinal_http_requests_total",
			Help: "Requests answered, by route pattern and class of status.",
		}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "cardinal_http_request_duration_seconds",
			Help:    "Time from the header of a request to the end of its answer.",
			Buckets: []float64{.0001, .0005, .001, .005, .01, .05, .1, .5, 1, 5},
		}, labels),
	}
	m.routes.Store(&map[string]*route{})
	m.requests, m.seconds = registered(registry, m.requests), registered(registry, m.seconds)
	registered[prometheus.Collector](registry, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "cardinal_http_requests_in_flight", Help: "Requests in the API now."}, inFlight))
	if stats != nil {
		registered[prometheus.Collector](registry, statsCollector(stats))
	}
	registered(registry, collectors.NewGoCollector())
	registered(registry, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.page = promhttp.HandlerFor(registry, promhttp.HandlerOpts{DisableCompression: true})
	return m
}

// registered returns the collector that the registry has under these names: c, or one that was registered before.
func registered[C prometheus.Collector](registry *prometheus.Registry, c C) C {
	err := registry.Register(c)
	if already := (prometheus.AlreadyRegisteredError{}); errors.As(err, &already) {
		return already.ExistingCollector.(C)
	}
	if err != nil {
		panic(err) // two collectors with one name and different labels
	}
	return c
}

func (m *metrics) observe(pattern string, status int, took time.Duration) {
	r := (*m.routes.Load())[pattern]
	if r == nil {
		r, pattern = m.add(pattern)
	}
	class := 0
	if status >= 100 && status < 600 {
		class = status / 100
	}
	s := r.class[class].Load()
	if s == nil {
		name := classes[class]
		s = &series{m.requests.WithLabelValues(pattern, name), m.seconds.WithLabelValues(pattern, name)}
		r.class[class].Store(s) // a concurrent request stored the same counters
	}
	s.requests.Inc()
	s.seconds.Observe(took.Seconds())
}

// add adds a route and returns it with its label. Above the limit of routes it is "other".
func (m *metrics) add(pattern string) (*route, string) {
	m.adding.Lock()
	defer m.adding.Unlock()
	known := *m.routes.Load()
	if len(known) >= maxRoutes {
		pattern = other
	}
	if r := known[pattern]; r != nil {
		return r, pattern
	}
	more := maps.Clone(known)
	more[pattern] = &route{}
	m.routes.Store(&more)
	return more[pattern], pattern
}
