package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/sqlstore"
)

func testPluginIsSetByOneAtATime(t *testing.T, fresh func(testing.TB) string) {
	ctx := t.Context()
	s := Open(t, sqlstore.Config{URL: fresh(t)})
	first := 0
	r := ratchet.PluginRecord{Name: "notify", Sealed: []byte{0, 0xff}, PluginSettings: ratchet.PluginSettings{
		Enabled: true, Pin: Digest("notify"), OnError: ratchet.PluginFail, Budget: ratchet.Duration(250 * time.Millisecond), Priority: &first,
		Allowed: ratchet.PluginNeeds{Network: true, Memory: ratchet.GB, Files: []ratchet.PluginFile{{Path: "/var/log", Write: true}}},
	}}
	check(t, s.SetPlugin(ctx, &r, time.Time{}))
	check(t, s.SetPlugin(ctx, &ratchet.PluginRecord{Name: "audit"}, time.Time{}))
	all, err := s.PluginRecords(ctx)
	if err != nil || len(all) != 2 || all[0].Name != "audit" || all[0].Priority != nil || all[0].Sealed != nil || all[0].Enabled {
		t.Fatalf("got %+v, %v", all, err)
	}
	if diff := cmp.Diff(r, all[1]); diff != "" || time.Since(r.UpdatedAt).Abs() > time.Minute {
		t.Errorf("updated at %v\n%s", r.UpdatedAt, diff)
	}

	seen := r.UpdatedAt
	wantReason(t, s.SetPlugin(ctx, &r, time.Time{}), ratchet.ReasonChanged, "notify")
	wantReason(t, s.SetPlugin(ctx, &r, seen.Add(-time.Microsecond)), ratchet.ReasonChanged, "notify")
	r.Enabled, r.Sealed, r.Priority = false, nil, nil
	check(t, s.SetPlugin(ctx, &r, seen))
	if !r.UpdatedAt.After(seen) {
		t.Errorf("updated at %v, before at %v", r.UpdatedAt, seen)
	}
	wantReason(t, s.SetPlugin(ctx, &r, seen), ratchet.ReasonChanged, "notify")
	all, err = s.PluginRecords(ctx)
	check(t, err)
	if diff := cmp.Diff(r, all[1]); diff != "" {
		t.Error(diff)
	}
}
