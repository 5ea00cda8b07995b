package tasktest

import (
	"github.com/ratchet-runner/ratchet-go/internal/executor"
	"github.com/ratchet-runner/ratchet-go/internal/testfile"
)

// Answers are the Effects of a test, and what they noted.
type Answers = answers

// NewAnswers returns the Effects of a test without network.
func NewAnswers(t *testfile.Test) *Answers { return newAnswers(t) }

// WithOutside lets requests without a mock go out.
func (a *answers) WithOutside(e executor.Effects) *Answers {
	a.outside = e
	return a
}

// Unanswered are the requests that no mock was for.
func (a *answers) Unanswered() []Unanswered { return a.unanswered }

// Unused are the warnings of mocks that were not needed.
func (a *answers) Unused() (messages []string) {
	for _, w := range a.unused() {
		messages = append(messages, w.Pointer+": "+w.Message)
	}
	return messages
}
