package rest

import (
	"net/http"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/service"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func (a *api) jobRoutes() []*route {
	s, fields := a.svc, ratchet.JobFields()
	batch := shapeFor[service.SubmitJobs]()
	return []*route{
		newRoute(s.ListJobs, (*request).list, page, with(pages(fields)...), filtered(fields), listing[ratchet.Job]),
		a.submitRoute(),
		newRoute(s.SubmitJobs, func(r *request) service.SubmitJobs { return body[service.SubmitJobs](r, batch) }, whole,
			sent[service.SubmitJobs](a.config.MaxBody, `{"jobs":[{"task":"addition","input":{"num1":1,"num2":2}}]}`), listing[ratchet.Job]),
		newRoute(s.GetJob, func(r *request) (in service.GetJob) {
			r.id("id", &in.ID)
			in.Wait = r.wait(0)
			return in
		}, result, gives[ratchet.Job], tagged, with(waiting("Without it, the job as it is.")),
			located, also(http.StatusAccepted, "The wait elapsed: the job goes on.")),
		newRoute(s.CancelJob, jobRef, single, gives[ratchet.Job]),
		newRoute(s.RetryJob, jobRef, func(r *request, job *ratchet.Job) (answer, error) {
			ans, err := single(r, job)
			ans.location = jobLocation(job)
			return ans, err
		}, gives[ratchet.Job], located),
		newRoute(s.CancelJobs, bulk, single, gives[ratchet.BulkResult], bulky),
		newRoute(s.RetryJobs, bulk, single, gives[ratchet.BulkResult], bulky),
		newRoute(s.ExplainJob, jobRef, single, gives[ratchet.Explanation]),
		a.jobEventsRoute(),
	}
}

func jobRef(r *request) (in service.JobRef) {
	r.id("id", &in.ID)
	return in
}

func jobLocation(job *ratchet.Job) string { return base + "/jobs/" + job.ID.String() }

// A submission is a job's request, and how long to wait for the result.
type submission struct {
	request ratchet.JobRequest
	wait    time.Duration
}

func (a *api) submitRoute() *route {
	s, want := a.svc, shapeFor[ratchet.JobRequest]()
	return newHandler(s.SubmitJob.Operation, func(r *request) (in submission) {
		in.request, in.wait = body[ratchet.JobRequest](r, want), r.wait(0)
		in.request.IdempotencyKey = r.idempotencyKey("the idempotencyKey of the body", in.request.IdempotencyKey)
		return in
	}, func(r *request, in submission) (answer, error) {
		job, err := s.SubmitJob.Call(r.Context(), in.request)
		if err != nil {
			return answer{}, err
		}
		if in.wait == 0 {
			return result(r, &service.Result{Job: *job})
		}
		out, err := s.GetJob.Call(r.Context(), service.GetJob{ID: job.ID, Wait: in.wait})
		if err != nil {
			return answer{}, err
		}
		return result(r, out)
	}, sent[ratchet.JobRequest](a.config.MaxBody, `{"task":"addition","input":{"num1":1,"num2":2},"priority":"high"}`),
		gives[ratchet.Job], located, also(http.StatusOK, "The job is finished, as was waited for."),
		with(waiting("Without it, the answer is the job as it was accepted."),
			header("Idempotency-Key", "Your own name for the request: the same again gives the same job, for 24 hours.")))
}

// result answers with a job: 202 for one that was waited for in vain.
func result(r *request, out *service.Result) (answer, error) {
	ans, err := single(r, &out.Job)
	switch {
	case out.Done:
		ans.status = http.StatusOK
	case r.waits || r.Method == http.MethodPost:
		ans.status, ans.location = http.StatusAccepted, jobLocation(&out.Job)
	}
	return ans, err
}

// bulky adds the parameters of what is done to many jobs.
func bulky(rt *route) {
	filtered(ratchet.JobFields())(rt)
	with(query("limit", "How many at most.", numberSchema(1, ratchet.CountedTotal)),
		query("dryRun", "Only say how many there are.", yesSchema()))(rt)
}

func bulk(r *request) service.BulkJobs {
	in := service.BulkJobs{Filters: r.filters(), Limit: r.number("limit", 1, ratchet.CountedTotal, 0), DryRun: r.yes("dryRun")}
	if len(in.Filters) == 0 && len(r.faults) == 0 {
		r.wrong("", "there is no filter", "at least one, such as status=failed", "")
	}
	return in
}

// jobEventsRoute is the stream of one job, which ends with it.
func (a *api) jobEventsRoute() *route {
	s := a.svc
	op := s.WatchEvents.Operation
	op.Name, op.Path, op.Summary = "jobs.events", "/jobs/{id}/events", "Follow a job until it is finished"
	op.Description = "First an event with the job's state now, then all that happen, and in the end one of type \"end\"."
	rt := newHandler(op, func(r *request) stream.Filter { return r.events(true) }, func(r *request, f stream.Filter) (answer, error) {
		sub, err := s.WatchEvents.Call(r.Context(), f)
		if err != nil {
			return answer{}, err
		}
		out, err := s.GetJob.Call(r.Context(), service.GetJob{ID: f.Job})
		if err != nil {
			sub.Close()
			return answer{}, err
		}
		return answer{follow: func(to *sender) error { return to.job(sub, &out.Job, f.After != "") }}, nil
	}, with(eventParameters(false)...), streamOnly)
	rt.extra = true
	return rt
}
