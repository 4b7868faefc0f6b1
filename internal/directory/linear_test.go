package directory_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"cardinal"
	"cardinal/internal/directory"
	"cardinal/internal/directory/directorytest"
)

// history is what several clients asked at the same time and were answered, with when each call began and ended.
type history struct {
	began time.Time
	mu    sync.Mutex
	calls []porcupine.Operation
}

func newHistory() *history { return &history{began: time.Now()} }

// call notes a call and its answer.
func (h *history) call(client int, input any, ask func() any) any {
	from := time.Since(h.began)
	output := ask()
	until := time.Since(h.began)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, porcupine.Operation{
		ClientId: client, Input: input, Call: from.Nanoseconds(), Output: output, Return: until.Nanoseconds(),
	})
	return output
}

// clients runs a number of them at once, each with random choices of its own.
func (h *history) clients(n int, client func(i int, random *rand.Rand)) {
	var wait sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		random := rand.New(rand.NewPCG(serialSeed.Add(1), uint64(i)))
		wait.Go(func() {
			<-start
			client(i, random)
		})
	}
	close(start)
	wait.Wait()
}

var serialSeed atomic.Uint64

// isLinearizable fails unless one order of the calls explains every answer: an order in which each call stands between
// its beginning and its end.
func (h *history) isLinearizable(t *testing.T, model porcupine.Model) {
	t.Helper()
	if porcupine.CheckOperations(model, h.calls) {
		return
	}
	t.Error("no order of these calls explains the answers:")
	for _, c := range h.calls {
		t.Logf("client %d, %s to %s: %s", c.ClientId, time.Duration(c.Call), time.Duration(c.Return),
			model.DescribeOperation(c.Input, c.Output))
	}
}

// twoNodes are the operator's desks at two nodes over one database.
func twoNodes(t *testing.T, w *world) [2]directory.Desk {
	return [2]directory.Desk{w.Operator(), w.OpenNode(t, directorytest.CheapHash).As(cardinal.Operator())}
}
