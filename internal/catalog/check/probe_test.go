package check

import (
	"testing"
	"time"
)

func TestEveryRuleRefuses(t *testing.T) {
	for _, engine := range engines {
		t.Run(engine, func(t *testing.T) {
			s := subject(t, migrated(t, engine))
			began, total := time.Now(), 0
			for _, c := range probes {
				at := time.Now()
				o, err := c.run(t.Context(), s)
				if err != nil {
					t.Fatal(err)
				}
				total += o.Total
				t.Logf("%s: %d of %d %s, %v", c.ID, o.Held, o.Total, c.of, time.Since(at))
				for _, f := range o.Findings {
					t.Errorf("%s: %s: %s: %q", c.ID, f.Object, f.Problem, f.Evidence)
				}
			}
			t.Logf("%s: %d probes, %d statements, %v", engine, total, s.shadow.probes.tried, time.Since(began))
		})
	}
}
