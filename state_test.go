package ratchet_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

// A life is what the tests know of JobState and ExecutionState.
type life[S comparable] interface {
	~string
	comparable
	CanBecome(S) bool
	Terminal() bool
}

// transitions lists "from → to" for all pairs that are legal.
func transitions[S life[S]](states []S) (arrows []string) {
	for _, from := range states {
		for _, to := range states {
			if from.CanBecome(to) {
				arrows = append(arrows, string(from)+" → "+string(to))
			}
		}
	}
	return arrows
}

func TestTransitionsAreThoseDocumented(t *testing.T) {
	t.Parallel()
	var got []byte
	for _, arrow := range transitions(ratchet.JobStates()) {
		got = append(got, "job "+arrow+"\n"...)
	}
	for _, arrow := range transitions(ratchet.ExecutionStates()) {
		got = append(got, "execution "+arrow+"\n"...)
	}
	checkGolden(t, "transitions.txt", got)
}

func TestNoTransitionLeavesATerminalState(t *testing.T) {
	t.Parallel()
	testTerminal(t, ratchet.JobStates(), "completed", "failed", "cancelled")
	testTerminal(t, ratchet.ExecutionStates(), "completed", "failed", "cancelled", "timed_out", "lost")
}

func testTerminal[S life[S]](t *testing.T, states []S, terminal ...S) {
	t.Helper()
	for _, s := range states {
		if got, want := s.Terminal(), slices.Contains(terminal, s); got != want {
			t.Errorf("%s: got terminal %t, want %t", s, got, want)
		}
	}
	if unknown := S("limbo"); unknown.Terminal() || unknown.CanBecome(states[0]) || states[0].CanBecome(unknown) {
		t.Error("a state that does not exist has transitions")
	}
	// From every state a random walk ends in a terminal one, and stays there.
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SampledFrom(states).Draw(t, "start")
		for steps := 0; !at.Terminal(); steps++ {
			next := slices.DeleteFunc(slices.Clone(states), func(s S) bool { return !at.CanBecome(s) })
			if len(next) == 0 || steps > 1000 {
				t.Fatalf("%s leads nowhere", at)
			}
			at = rapid.SampledFrom(next).Draw(t, "next")
		}
		if i := slices.IndexFunc(states, at.CanBecome); i >= 0 {
			t.Fatalf("%s is terminal but can become %s", at, states[i])
		}
	})
}

func TestEveryStateCanBeReached(t *testing.T) {
	t.Parallel()
	testReachable(t, ratchet.JobStates(), ratchet.JobScheduled)
	testReachable(t, ratchet.JobStates(), ratchet.JobQueued, ratchet.JobScheduled)
	testReachable(t, ratchet.ExecutionStates(), ratchet.ExecutionPending)
}

// testReachable checks that start leads to all states but those in except.
func testReachable[S life[S]](t *testing.T, states []S, start S, except ...S) {
	t.Helper()
	reached := append([]S{start}, except...)
	for i := 0; i < len(reached); i++ {
		for _, s := range states {
			if reached[i].CanBecome(s) && !slices.Contains(reached, s) {
				reached = append(reached, s)
			}
		}
	}
	for _, s := range states {
		if !slices.Contains(reached, s) {
			t.Errorf("%s cannot be reached from %s", s, start)
		}
	}
}

func TestEndStateOfAnError(t *testing.T) {
	t.Parallel()
	for reason, want := range map[ratchet.Reason]ratchet.ExecutionState{
		ratchet.ReasonExecutionFailed:    ratchet.ExecutionFailed,
		ratchet.ReasonMemoryLimit:        ratchet.ExecutionFailed,
		ratchet.ReasonWorker:             ratchet.ExecutionFailed,
		ratchet.ReasonExecutionTimeout:   ratchet.ExecutionTimedOut,
		ratchet.ReasonCPULimit:           ratchet.ExecutionTimedOut,
		ratchet.ReasonExecutionCancelled: ratchet.ExecutionCancelled,
	} {
		if got := ratchet.EndState(ratchet.Errorf(reason, "no")); got != want {
			t.Errorf("%s: got %s, want %s", reason, got, want)
		}
	}
	if got := ratchet.EndState(nil); got != ratchet.ExecutionCompleted {
		t.Errorf("no error: got %s, want completed", got)
	}
}
