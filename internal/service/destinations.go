package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/auth"
	"github.com/ratchet-runner/ratchet-go/internal/destination"
)

// Deliverer delivers results to destinations; package delivery does.
type Deliverer interface {
	// Try makes what would be delivered, and delivers it once if that is asked for.
	Try(ctx context.Context, trial Trial) []ratchet.DestinationTest
	// Variables are the names of the operator's own variables of templates.
	Variables() []string
}

// A Trial tries destinations with the result of a job.
type Trial struct {
	Destinations []ratchet.Destination // checked, their secrets sealed
	Job          ratchet.Job           // finished; zero: one is made up
	Execution    *ratchet.Execution    // the job's last; nil if it had none
	Version      string                // the semantic version of what ran
	Task         ratchet.TaskID        // whose environment "${NAME}" is of
	Send         bool
}

// maxDestinationName is the greatest length of a destination's name, in characters.
const maxDestinationName = 100

// A destinationRule says what destinations may refer to.
type destinationRule struct {
	task *ratchet.Task // whose environment "${NAME}" is of; nil: there is none
	env  []string      // that it declares
	tags []string      // of the job; nil: not known
}

// destinations checks those of a request and returns them as they are kept, with a
// name each and their secrets sealed. What was nil stays nil: it stands for those
// of the task.
func (s *Service) destinations(ctx context.Context, wrong *problems, pointer string, all []ratchet.Destination, rule destinationRule) ([]ratchet.Destination, error) {
	if len(all) == 0 {
		return all, nil
	}
	before := len(wrong.details)
	s.checkDestinations(ctx, wrong, pointer, all, rule)
	if len(wrong.details) > before {
		return nil, nil
	}
	return destination.Seal(destination.Prepare(all), s.sealer)
}

// checkDestinations adds what is wrong with destinations that somebody gives.
func (s *Service) checkDestinations(ctx context.Context, wrong *problems, pointer string, all []ratchet.Destination, rule destinationRule) {
	if s.deliverer == nil {
		wrong.wrong(pointer, "this server delivers no results", "no destinations, or delivery.enabled in the server's configuration", "")
		return
	}
	wrong.add(ratchet.ReasonValidation, prefixed(pointer, destination.CheckAll(all, destination.Where{
		Tags: rule.tags, Variables: s.deliverer.Variables(),
	}))...)
	for i := range all {
		at := fmt.Sprintf("%s/%d", pointer, i)
		if all[i].Name != "" {
			wrong.text(at+"/name", "the name", all[i].Name, textRule{least: 1, most: maxDestinationName})
		}
		s.checkPlugin(ctx, wrong, at+"/plugin", all[i].Plugin, ratchet.PluginDestination)
		s.checkPlugin(ctx, wrong, at+"/transform", all[i].Transform, ratchet.PluginTransform)
		for _, r := range destination.ReferencesAt(&all[i]) {
			checkReference(ctx, wrong, at+r.Pointer, r.Name, rule)
		}
	}
}

// checkPlugin adds why a plugin cannot do what a destination wants of it. A name
// that is none was told of.
func (s *Service) checkPlugin(ctx context.Context, wrong *problems, pointer, name string, c ratchet.PluginCapability) {
	if !ratchet.ValidPluginName(name) {
		return
	}
	err := errNoPlugins()
	if s.plugins != nil {
		err = s.plugins.Able(ctx, name, c)
	}
	if e := ratchet.AsError(err); e != nil {
		wrong.add(e.Reason, ratchet.Detail{Pointer: pointer, Message: e.Message})
	}
}

// checkReference adds what is wrong with "${NAME}". The values of an environment
// are not for those who may only run tasks: a destination would hand them out.
func checkReference(ctx context.Context, wrong *problems, pointer, name string, rule destinationRule) {
	who, _ := auth.From(ctx)
	switch {
	case rule.task == nil:
		wrong.wrong(pointer, "there is no task whose environment this is of", "the task, or the secret itself", "${"+name+"}")
	case !slices.Contains(rule.env, name):
		wrong.wrong(pointer, undeclared(rule.task, rule.env, name), declaredNames(rule.env), name)
	case !who.Has(ratchet.ScopeAdmin):
		wrong.add(ratchet.ReasonForbidden, ratchet.Detail{
			Pointer: pointer, Message: fmt.Sprintf("a variable of the task's environment may be sent out only by who has the scope %q", ratchet.ScopeAdmin),
			Expected: `the secret itself, or the destination in the task's metadata.json`, Got: "${" + name + "}",
		})
	}
}

// testDestinations tries destinations with the result of a job, or a made-up one.
// What is wrong with one of them is its result.
func (s *Service) testDestinations(ctx context.Context, r ratchet.DestinationTestRequest) ([]ratchet.DestinationTest, error) {
	var wrong problems
	if n := len(r.Destinations); n == 0 || n > ratchet.MaxDestinations {
		wrong.wrong("/destinations", "the number of destinations is out of bounds", fmt.Sprintf("1 to %d", ratchet.MaxDestinations), fmt.Sprint(n))
	}
	trial, rule, err := s.trial(ctx, &wrong, &r)
	if err == nil {
		err = wrong.err()
	}
	if err != nil {
		return nil, err
	}
	results := make([]ratchet.DestinationTest, len(r.Destinations))
	var right []int
	for i, d := range destination.Prepare(r.Destinations) {
		var its problems
		s.checkDestinations(ctx, &its, "/destinations", []ratchet.Destination{d}, rule)
		for j := range its.details { // there is one in the list, and it is number i of the request's
			its.details[j].Pointer = fmt.Sprintf("/destinations/%d", i) + its.details[j].Pointer[len("/destinations/0"):]
		}
		if err := its.err(); err != nil {
			results[i] = ratchet.DestinationTest{Name: d.Name, Type: d.Type, Target: d.Target(), Error: ratchet.AsError(err)}
			continue
		}
		right = append(right, i)
		trial.Destinations = append(trial.Destinations, d)
	}
	if len(right) == 0 {
		return results, nil
	}
	if trial.Destinations, err = destination.Seal(trial.Destinations, s.sealer); err != nil {
		return nil, err
	}
	for j, result := range s.deliverer.Try(ctx, trial) {
		results[right[j]] = result
	}
	return results, nil
}

// trial is what is delivered to try destinations.
func (s *Service) trial(ctx context.Context, wrong *problems, r *ratchet.DestinationTestRequest) (t Trial, rule destinationRule, err error) {
	t.Send = r.Send
	task, taskAt := r.Task, "/task"
	if !r.Job.IsZero() {
		j, err := s.findJob(ctx, r.Job)
		switch {
		case err != nil:
			return t, rule, wrong.refuse("/jobId", err)
		case !j.State.Terminal():
			wrong.wrong("/jobId", "the job is not finished, so it has no result to deliver", "a job that is completed, failed or cancelled", string(j.State))
			return t, rule, nil
		}
		t.Job, rule.tags, task, taskAt = *j, append([]string{}, j.Tags...), j.TaskID.String(), "/jobId"
		page, err := s.store.Executions(ctx, ratchet.Query{
			Filters: []ratchet.Filter{{Field: "jobId", Values: []string{j.ID.String()}}},
			Sort:    []ratchet.Sort{{Field: "id", Desc: true}}, Limit: 1,
		})
		if err != nil {
			return t, rule, err
		}
		if len(page.Items) > 0 {
			t.Execution = &page.Items[0]
		}
	}
	if task == "" {
		return t, rule, nil
	}
	b := s.submitter(true)
	found, err := b.taskOf(ctx, wrong, taskAt, task, "")
	if found == nil || err != nil {
		return t, rule, err
	}
	version, err := b.versionOf(ctx, wrong, found, t.Job.VersionDigest)
	if version == nil || err != nil {
		return t, rule, err
	}
	t.Task, t.Version = found.ID, version.Semver
	rule.task, rule.env = found, version.Permissions.Env
	return t, rule, nil
}
