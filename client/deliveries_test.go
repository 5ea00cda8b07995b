package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

func (o *tour) deliverySteps() []step {
	var job *ratchet.Job
	var made *ratchet.Delivery
	goals := []ratchet.Destination{{Type: ratchet.DestinationFile, Path: "{{job_id}}.json", On: ratchet.DeliverAlways, IfExists: ratchet.FileOverwrite}}
	// first reads the one delivery of the job, once it has come to its end.
	first := func(ctx context.Context) (*ratchet.Delivery, error) {
		look := time.NewTicker(10 * time.Millisecond)
		defer look.Stop()
		for {
			got, err := o.c.Deliveries(ctx, ratchet.Query{Filters: []ratchet.Filter{{Field: "jobId", Values: []string{job.ID.String()}}}})
			o.want(err != nil || len(got.Items) == 1 && got.Items[0].Target == "{{job_id}}.json", "one delivery", got)
			if err != nil || len(got.Items) == 0 || !got.Items[0].FinishedAt.IsZero() {
				return &got.Items[0], err
			}
			select {
			case <-look.C:
			case <-ctx.Done():
				return nil, fmt.Errorf("the result of %s is not delivered: %w", job.ID, ctx.Err())
			}
		}
	}
	return []step{
		{"TestDestinations", func(ctx context.Context) error {
			got, err := o.c.TestDestinations(ctx, ratchet.DestinationTestRequest{Task: "greet", Destinations: goals, Send: true})
			o.want(err != nil || len(got) == 1 && got[0].OK && got[0].Sent && got[0].Name == "file-1", "one that is told", got)
			return err
		}},
		{"Deliveries", func(ctx context.Context) (err error) {
			if job, err = o.c.SubmitJob(ctx, ratchet.JobRequest{Task: "greet", Input: json.RawMessage(`{"name": "Gil"}`), Destinations: goals}); err != nil {
				return err
			}
			if job, err = o.c.Wait(ctx, job.ID); err != nil {
				return err
			}
			made, err = first(ctx)
			return err
		}},
		{"Delivery", func(ctx context.Context) error {
			got, err := o.c.Delivery(ctx, made.ID)
			if err == nil {
				o.want(got.State == ratchet.DeliveryDelivered && len(got.Receipts) == 1 && got.Receipts[0].Bytes > 0, "a receipt", got)
			}
			return err
		}},
		{"Redeliver", func(ctx context.Context) error {
			got, err := o.c.Redeliver(ctx, made.ID)
			if err == nil {
				o.want(got.ID == made.ID && got.Attempts >= 1, "the same delivery", got)
			}
			return err
		}},
		{"RedeliverMany", func(ctx context.Context) error {
			got, err := o.c.RedeliverMany(ctx, client.Bulk{Filters: []ratchet.Filter{{Field: "state", Values: []string{"failed"}}}, DryRun: true})
			if err == nil {
				o.want(got.Matched == 0 && got.Changed == 0, "nothing to do", got)
			}
			return err
		}},
	}
}

func (o *tour) hookSteps() []step {
	var hook *ratchet.CreatedHook
	return []step{
		{"CreateHook", func(ctx context.Context) (err error) {
			hook, err = o.c.CreateHook(ctx, "greet", ratchet.HookRequest{Name: "shop"})
			if err == nil {
				o.want(hook.Secret != "" && hook.URL != "" && hook.Enabled && hook.Verify == ratchet.HookStandard, "a hook with its secret", hook)
			}
			return err
		}},
		{"Hooks", func(ctx context.Context) error {
			got, err := o.c.Hooks(ctx, "greet")
			o.want(err != nil || len(got) == 1 && got[0].ID == hook.ID && got[0].Name == "shop", "the hook", got)
			return err
		}},
		{"UpdateHook", func(ctx context.Context) error {
			no := false
			got, err := o.c.UpdateHook(ctx, hook.ID, ratchet.HookPatch{Enabled: &no})
			if err == nil {
				o.want(!got.Enabled, "a disabled hook", got)
			}
			return err
		}},
		{"RotateHook", func(ctx context.Context) error {
			got, err := o.c.RotateHook(ctx, hook.ID)
			if err == nil {
				o.want(got.Secret != "" && got.Secret != hook.Secret && got.URL == "", "another secret", got)
			}
			return err
		}},
		{"DeleteHook", func(ctx context.Context) error { return o.c.DeleteHook(ctx, hook.ID) }},
	}
}
