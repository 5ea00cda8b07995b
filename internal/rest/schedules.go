package rest

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/problem"
	"github.com/ratchet-runner/ratchet-go/internal/service"
)

func (a *api) scheduleRoutes() []*route {
	s, fields := a.svc, ratchet.ScheduleFields()
	create, rule := shapeFor[ratchet.ScheduleRequest](), shapeFor[ratchet.RuleRequest]()
	return []*route{
		newRoute(s.ListSchedules, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Schedule]),
		newRoute(s.CreateSchedule, func(r *request) ratchet.ScheduleRequest { return body[ratchet.ScheduleRequest](r, create) },
			func(r *request, made *ratchet.Schedule) (answer, error) {
				ans, err := schedule(r, made)
				ans.location = base + "/schedules/" + url.PathEscape(made.ID.String())
				return ans, err
			}, sent[ratchet.ScheduleRequest](a.config.MaxBody, `{"name":"nightly","task":"addition","cron":"30 2 * * *","timezone":"Europe/Berlin"}`),
			gives[ratchet.Schedule], located, tagged),
		newRoute(s.GetSchedule, scheduleRef, schedule, gives[ratchet.Schedule], tagged),
		a.updateScheduleRoute(),
		newRoute(s.DeleteSchedule, scheduleRef, empty),
		newRoute(s.EnableSchedule, scheduleRef, schedule, gives[ratchet.Schedule], tagged),
		newRoute(s.DisableSchedule, scheduleRef, schedule, gives[ratchet.Schedule], tagged),
		newRoute(s.TriggerSchedule, scheduleRef, func(r *request, job *ratchet.Job) (answer, error) {
			ans, err := single(r, job)
			ans.location = jobLocation(job)
			return ans, err
		}, gives[ratchet.Job], located),
		newRoute(s.NextRuns, func(r *request) service.NextRuns {
			return service.NextRuns{Schedule: r.PathValue("schedule"), Count: r.number("count", 1, 100, 10)}
		}, whole, listing[time.Time], with(query("count", "How many. Without it, 10.", numberSchema(1, 100)))),
		newRoute(s.PreviewSchedule, func(r *request) ratchet.RuleRequest { return body[ratchet.RuleRequest](r, rule) }, whole,
			sent[ratchet.RuleRequest](a.config.MaxBody, `{"cron":"30 2 * * *","timezone":"Europe/Berlin","count":5}`), listing[time.Time]),
	}
}

func scheduleRef(r *request) service.ScheduleRef {
	return service.ScheduleRef{Schedule: r.PathValue("schedule")}
}

// schedule answers with a schedule whose ETag begins with when it was changed:
// what firing changes of it is no reason to refuse a PATCH.
func schedule(r *request, s *ratchet.Schedule) (answer, error) {
	ans, err := single(r, s)
	ans.version = scheduleVersion(s)
	return ans, err
}

func scheduleVersion(s *ratchet.Schedule) string {
	return strconv.FormatInt(s.UpdatedAt.UnixMicro(), 36)
}

func (a *api) updateScheduleRoute() *route {
	s, want := a.svc, shapeFor[ratchet.SchedulePatch]()
	return newHandler(s.UpdateSchedule.Operation, func(r *request) (in service.UpdateSchedule) {
		in.Schedule, in.SchedulePatch = r.PathValue("schedule"), body[ratchet.SchedulePatch](r, want)
		cleared(&in.SchedulePatch, r.nulls)
		return in
	}, func(r *request, in service.UpdateSchedule) (answer, error) {
		if seen := tagsOf(r.Header.Values("If-Match")); len(seen) > 0 {
			current, err := s.GetSchedule.Call(r.Context(), service.ScheduleRef{Schedule: in.Schedule})
			if err != nil {
				return answer{}, err
			}
			if !sees(seen, scheduleVersion(current)) {
				return answer{}, changed()
			}
			in.IfMatch = current.UpdatedAt
		}
		out, err := s.UpdateSchedule.Call(r.Context(), in)
		if !in.IfMatch.IsZero() && errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonChanged}) {
			return answer{}, changed()
		}
		if err != nil {
			return answer{}, err
		}
		return schedule(r, out)
	}, sent[ratchet.SchedulePatch](a.config.MaxBody, `{"cron":"0 3 * * *"}`), gives[ratchet.Schedule], tagged,
		also(http.StatusPreconditionFailed, "Somebody changed the schedule meanwhile."),
		with(header("If-Match", "The ETag of the schedule as you saw it. If somebody changed it since, the answer is 412.")))
}

// sees reports whether one of the tags is of the version.
func sees(tags []string, version string) bool {
	return slices.ContainsFunc(tags, func(tag string) bool {
		of, _, _ := strings.Cut(tag, "-")
		return tag == "*" || of == version
	})
}

func changed() error {
	return problem.New(http.StatusPreconditionFailed, ratchet.ReasonChanged, "the schedule was changed since you saw it: look at it again, and send the ETag it has now")
}
