package service

import "github.com/ratchet-runner/ratchet-go"

// shown is what an operation returns as it may leave the service: without the
// secrets of destinations. A test looks at all types that operations return.
func shown[T any](out T) T {
	switch v := any(out).(type) {
	case *ratchet.Job:
		return any(shownJob(v)).(T)
	case []ratchet.Job:
		return any(shownJobs(v)).(T)
	case ratchet.Page[ratchet.Job]:
		v.Items = shownJobs(v.Items)
		return any(v).(T)
	case *Result:
		if v != nil && len(v.Job.Destinations) > 0 {
			v = &Result{Job: *shownJob(&v.Job), Done: v.Done}
		}
		return any(v).(T)
	case *ratchet.Schedule:
		return any(shownSchedule(v)).(T)
	case ratchet.Page[ratchet.Schedule]:
		for i := range v.Items {
			v.Items[i] = *shownSchedule(&v.Items[i])
		}
		return any(v).(T)
	case *ratchet.Version:
		return any(shownVersion(v)).(T)
	case []ratchet.Version:
		for i := range v {
			v[i] = *shownVersion(&v[i])
		}
		return any(v).(T)
	case *ratchet.TaskDetail:
		if v != nil {
			v.Latest = shownVersion(v.Latest)
		}
		return any(v).(T)
	}
	return out
}

func shownJobs(all []ratchet.Job) []ratchet.Job {
	for i := range all {
		all[i] = *shownJob(&all[i])
	}
	return all
}

func shownJob(j *ratchet.Job) *ratchet.Job {
	if j == nil || len(j.Destinations) == 0 {
		return j
	}
	c := *j
	c.Destinations = ratchet.Shown(j.Destinations)
	return &c
}

func shownSchedule(s *ratchet.Schedule) *ratchet.Schedule {
	if s == nil || len(s.Destinations) == 0 {
		return s
	}
	c := *s
	c.Destinations = ratchet.Shown(s.Destinations)
	return &c
}

// shownVersion copies what others may hold too.
func shownVersion(v *ratchet.Version) *ratchet.Version {
	if v == nil || len(v.Destinations) == 0 {
		return v
	}
	c := *v
	c.Destinations = ratchet.Shown(v.Destinations)
	return &c
}
