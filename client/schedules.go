package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/ratchet-runner/ratchet-go"
)

// A schedule is named by its ID or name.

// Schedules reads a page of the schedules.
func (c *Client) Schedules(ctx context.Context, q ratchet.Query) (ratchet.Page[ratchet.Schedule], error) {
	return list[ratchet.Schedule](ctx, c, "/schedules", q)
}

// Schedule reads a schedule.
func (c *Client) Schedule(ctx context.Context, schedule string) (*ratchet.Schedule, error) {
	return get[ratchet.Schedule](ctx, c, schedulePath(schedule), nil)
}

// CreateSchedule makes a schedule.
func (c *Client) CreateSchedule(ctx context.Context, s ratchet.ScheduleRequest) (*ratchet.Schedule, error) {
	return send[ratchet.Schedule](ctx, c, write(http.MethodPost, "/schedules"), s)
}

// UpdateSchedule changes what is not nil in p.
func (c *Client) UpdateSchedule(ctx context.Context, schedule string, p ratchet.SchedulePatch) (*ratchet.Schedule, error) {
	return send[ratchet.Schedule](ctx, c, write(http.MethodPatch, schedulePath(schedule)), p)
}

// UpdateScheduleIf changes what is not nil in p, if the schedule is as seen: an
// error of the reason [ratchet.ReasonChanged] says that somebody changed it since.
// That it fired is no change.
func (c *Client) UpdateScheduleIf(ctx context.Context, seen *ratchet.Schedule, p ratchet.SchedulePatch) (*ratchet.Schedule, error) {
	path := schedulePath(seen.ID.String())
	var now ratchet.Schedule
	a, err := c.do(ctx, read(path, nil), &now)
	if err != nil {
		return nil, err
	}
	if !now.UpdatedAt.Equal(seen.UpdatedAt) {
		return nil, ratchet.Errorf(ratchet.ReasonChanged, "the schedule %s was changed since you saw it", now.Name)
	}
	r := write(http.MethodPatch, path)
	r.header = http.Header{"If-Match": {a.header.Get("ETag")}}
	return send[ratchet.Schedule](ctx, c, r, p)
}

// DeleteSchedule removes a schedule. Jobs that it submitted stay.
func (c *Client) DeleteSchedule(ctx context.Context, schedule string) error {
	_, err := c.do(ctx, write(http.MethodDelete, schedulePath(schedule)), nil)
	return err
}

// EnableSchedule has the schedule fire from now on.
func (c *Client) EnableSchedule(ctx context.Context, schedule string) (*ratchet.Schedule, error) {
	return act[ratchet.Schedule](ctx, c, http.MethodPost, schedulePath(schedule)+"/enable")
}

// DisableSchedule has the schedule fire no more.
func (c *Client) DisableSchedule(ctx context.Context, schedule string) (*ratchet.Schedule, error) {
	return act[ratchet.Schedule](ctx, c, http.MethodPost, schedulePath(schedule)+"/disable")
}

// TriggerSchedule submits the schedule's job now.
func (c *Client) TriggerSchedule(ctx context.Context, schedule string) (*ratchet.Job, error) {
	return act[ratchet.Job](ctx, c, http.MethodPost, schedulePath(schedule)+"/trigger")
}

// NextRuns says when a schedule runs next.
func (c *Client) NextRuns(ctx context.Context, schedule string, count int) ([]time.Time, error) {
	all, err := get[[]time.Time](ctx, c, schedulePath(schedule)+"/next", url.Values{"count": {strconv.Itoa(count)}})
	if err != nil {
		return nil, err
	}
	return *all, nil
}

// PreviewSchedule says when a rule would run.
func (c *Client) PreviewSchedule(ctx context.Context, rule ratchet.RuleRequest) ([]time.Time, error) {
	r := write(http.MethodPost, "/schedules/preview")
	r.repeat = true
	all, err := send[[]time.Time](ctx, c, r, rule)
	if err != nil {
		return nil, err
	}
	return *all, nil
}

func schedulePath(schedule string) string { return "/schedules/" + url.PathEscape(schedule) }
