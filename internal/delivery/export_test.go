package delivery

import (
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// Delay is delay, for tests.
func Delay(d *ratchet.DueDelivery, chance func() float64) (time.Duration, bool) {
	return delay(d, chance)
}
