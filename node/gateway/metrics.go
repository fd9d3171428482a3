package gateway

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus"

	"zhenglian/client/api"
)

// metrics are what an operator sees of a gateway.
type metrics struct {
	requests *prometheus.CounterVec   // by method, route and status
	submit   *prometheus.HistogramVec // seconds of a submission, by outcome
}

// newMetrics registers the gateway's metrics.
func newMetrics(r prometheus.Registerer, l *ledger, s *streams) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "zhenglian", Subsystem: "gateway", Name: "requests_total",
			Help: "Requests answered, by method, route and status.",
		}, []string{"method", "route", "status"}),
		submit: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "zhenglian", Subsystem: "gateway", Name: "submit_seconds",
			Help:    "Time from a submission to its answer, by outcome: receipt, in_flight, or the code of the problem.",
			Buckets: []float64{.005, .01, .02, .03, .04, .06, .08, .12, .2, .5, 1, 2, 5, 10, 30},
		}, []string{"outcome"}),
	}
	all := []prometheus.Collector{m.requests, m.submit,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "zhenglian", Subsystem: "gateway", Name: "submissions_waiting",
			Help: "Submissions that wait for a block.",
		}, func() float64 { return float64(len(l.inFlight)) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "zhenglian", Subsystem: "gateway", Name: "event_streams",
			Help: "Clients that follow events.",
		}, func() float64 { return float64(len(s.open)) }),
	}
	if l.index != nil {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Namespace: "zhenglian", Subsystem: "index", Name: "behind_entries",
			Help: "Entries of the log that the index does not hold yet.",
		}, func() float64 { return float64(l.indexStatus().Behind) }))
	}
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// count counts every request by its route, which is one of a few. Where there is
// none, method and path are whatever somebody made up, and not counted apart.
func (m *metrics) count(c *gin.Context) {
	defer func() {
		method, route := c.Request.Method, c.FullPath()
		if route == "" {
			method, route = "none", "none"
		}
		m.requests.WithLabelValues(method, route, strconv.Itoa(c.Writer.Status())).Inc()
	}()
	c.Next()
}

// submitted notes how long a submission took and how it ended.
func (m *metrics) submitted(began time.Time, err error) {
	outcome := "receipt"
	var later *api.InFlight
	switch {
	case errors.As(err, &later):
		outcome = "in_flight"
	case err != nil:
		outcome = api.ProblemOf(err).Code
	}
	m.submit.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
}
