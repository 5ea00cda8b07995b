package service

import (
	"context"
	"fmt"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/stream"
)

func (s *Service) getExecution(ctx context.Context, in ExecutionRef) (*ratchet.Execution, error) {
	if in.ID.IsZero() {
		return nil, ratchet.Errorf(ratchet.ReasonValidation, "no execution is named: give its ID, such as execution_0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69")
	}
	e, err := s.store.Execution(ctx, in.ID)
	if failure, known := ratchetError(err); known && failure.Code == ratchet.CodeNotFound {
		return nil, ratchet.Errorf(ratchet.ReasonExecutionNotFound, "there is no execution %s: there never was, or it was deleted with its job; \"ratchet execution list\" shows those there are", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("find execution: %w", err)
	}
	return e, nil
}

// Bounds of a page of a log.
const (
	defaultLines = 1000
	maxLines     = 10_000
)

// listLogs returns a part of the lines that are at least of the level.
func (s *Service) listLogs(ctx context.Context, in ListLogs) (*LogPage, error) {
	var wrong problems
	if in.Limit < 0 || in.Limit > maxLines {
		wrong.wrong("/limit", "the limit is out of bounds", fmt.Sprintf("1 to %d", maxLines), fmt.Sprint(in.Limit))
	}
	if in.Offset < 0 {
		wrong.wrong("/offset", "the offset is out of bounds", "0 or more", fmt.Sprint(in.Offset))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	e, err := s.getExecution(ctx, ExecutionRef{in.ID})
	if err != nil {
		return nil, err
	}
	if in.Limit == 0 {
		in.Limit = defaultLines
	}
	page := &LogPage{Lines: []ratchet.LogEntry{}, Offset: in.Offset, Running: !e.State.Terminal()}
	for _, line := range e.Logs {
		if line.Level < in.Level {
			continue
		}
		if page.Total >= in.Offset && len(page.Lines) < in.Limit {
			page.Lines = append(page.Lines, line)
		}
		page.Total++
	}
	return page, nil
}

// watchEvents subscribes to what happens from now on, or since an event.
func (s *Service) watchEvents(ctx context.Context, in stream.Filter) (*stream.Subscription, error) {
	var wrong problems
	for i, t := range in.Types {
		known := false
		for _, other := range ratchet.EventTypes() {
			known = known || t == other
		}
		if !known {
			wrong.wrong(fmt.Sprintf("/types/%d", i), "this is no type of events", fmt.Sprint(ratchet.EventTypes()), string(t))
		}
	}
	wrong.text("/after", "the ID of the last event", in.After, textRule{most: maxRef})
	if in.Task != "" {
		t, err := s.findTask(ctx, in.Task)
		if err == nil {
			in.Task = t.Name // which events have
		} else if err := wrong.refuse("/task", err); err != nil {
			return nil, err
		}
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	return s.stream.Subscribe(in), nil
}
