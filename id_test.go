package ratchet_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go"
)

const uuidText = "0198c9d2-5b1e-7c04-9a6e-2f1d3c4b5a69"

// drawID draws any 16 bytes as an ID.
func drawID(t *rapid.T) (id ratchet.JobID) {
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	return id
}

func TestIDsRoundTripThroughTextJSONAndDatabase(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawID(t)
		for _, text := range []string{want.String(), want.UUID(), strings.ToUpper(want.UUID())} {
			if got, err := ratchet.ParseID[ratchet.Job](text); err != nil || got != want {
				t.Fatalf("ParseID(%q): got %v, %v, want %v", text, got, err, want)
			}
		}
		b, err := json.Marshal(want)
		if err != nil || string(b) != `"job_`+want.UUID()+`"` {
			t.Fatalf("JSON: got %s, %v", b, err)
		}
		var decoded, scanned ratchet.JobID
		if err := json.Unmarshal(b, &decoded); err != nil || decoded != want {
			t.Fatalf("from JSON %s: got %v, %v", b, decoded, err)
		}
		value, err := want.Value()
		if err != nil {
			t.Fatal(err)
		}
		for _, src := range []any{value, want.String(), []byte(want.String())} {
			scanned = ratchet.NewID[ratchet.Job]()
			if err := scanned.Scan(src); err != nil || scanned != want {
				t.Fatalf("Scan(%v): got %v, %v, want %v", src, scanned, err, want)
			}
		}
	})
}

func TestIDsSortByTheTimeTheyWereMade(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := []time.Duration{
			250 * time.Nanosecond, time.Microsecond, 999 * time.Microsecond, time.Millisecond,
			time.Second + 300*time.Nanosecond, 24 * time.Hour, 365 * 24 * time.Hour,
		}
		var made []ratchet.JobID
		for range 50 {
			for _, step := range steps {
				made = append(made, ratchet.NewID[ratchet.Job]())
				time.Sleep(step) // of the bubble's clock
			}
		}
		if !slices.IsSortedFunc(made, ratchet.JobID.Compare) {
			t.Errorf("got %v, want them in the order they were made", made)
		}
		if unique := slices.Compact(slices.Clone(made)); len(unique) != len(made) {
			t.Errorf("got %d different IDs, want %d", len(unique), len(made))
		}
	})
}

func TestNewIDIsAUUIDOfVersion7OfNow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := map[ratchet.TaskID]bool{}
		for range 1000 { // all in one instant: only the random bits differ
			id := ratchet.NewID[ratchet.Task]()
			if id[6]>>4 != 7 || id[8]>>6 != 2 {
				t.Fatalf("%s: got version %d, variant %b, want 7, 10", id, id[6]>>4, id[8]>>6)
			}
			ms := int64(id[0])<<40 | int64(id[1])<<32 | int64(id[2])<<24 | int64(id[3])<<16 | int64(id[4])<<8 | int64(id[5])
			if now := time.Now().UnixMilli(); ms != now {
				t.Fatalf("%s: got the millisecond %d, want %d", id, ms, now)
			}
			seen[id] = true
		}
		if len(seen) != 1000 {
			t.Errorf("got %d different IDs of 1000", len(seen))
		}
	})
}

func TestEachEntityHasItsPrefix(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		ratchet.TaskID{}.String():      "task_00000000-0000-0000-0000-000000000000",
		ratchet.VersionID{}.String():   "version_00000000-0000-0000-0000-000000000000",
		ratchet.JobID{}.String():       "job_00000000-0000-0000-0000-000000000000",
		ratchet.ExecutionID{}.String(): "execution_00000000-0000-0000-0000-000000000000",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParseIDSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	malformed := `: want "job_" and a UUID such as ` + uuidText
	for text, want := range map[string]string{
		"task_" + uuidText:                       `invalid job id "task_` + uuidText + `": it starts with "task_", want "job_"`,
		"JOB_" + uuidText:                        `invalid job id "JOB_` + uuidText + `": it starts with "JOB_", want "job_"`,
		"":                                       `invalid job id ""` + malformed,
		"job_":                                   `invalid job id "job_"` + malformed,
		"42":                                     `invalid job id "42"` + malformed,
		uuidText[:35]:                            `invalid job id "` + uuidText[:35] + `"` + malformed,
		uuidText + "0":                           `invalid job id "` + uuidText + `0"` + malformed,
		" " + uuidText[:35]:                      `invalid job id " ` + uuidText[:35] + `"` + malformed,
		strings.Replace(uuidText, "-", "0", 1):   `invalid job id "` + strings.Replace(uuidText, "-", "0", 1) + `"` + malformed,
		strings.Replace(uuidText, "c9", "x9", 1): `invalid job id "` + strings.Replace(uuidText, "c9", "x9", 1) + `"` + malformed,
	} {
		id, err := ratchet.ParseID[ratchet.Job](text)
		if err == nil || err.Error() != want || !id.IsZero() {
			t.Errorf("ParseID(%q): got %v, %v, want the zero ID and %s", text, id, err, want)
		}
		if !errors.Is(err, &ratchet.Error{Reason: ratchet.ReasonValidation}) {
			t.Errorf("ParseID(%q): got %#v, want an Error of VALIDATION_ERROR", text, err)
		}
	}
}

func TestATaskIDInTheJSONOfAJobIsAnError(t *testing.T) {
	t.Parallel()
	var job ratchet.Job
	err := json.Unmarshal([]byte(`{"id": "task_`+uuidText+`"}`), &job)
	if err == nil || !strings.Contains(err.Error(), `want "job_"`) {
		t.Errorf("got %v, %v", job.ID, err)
	}
}

func TestTheZeroIDIsNullInADatabaseAndAbsentInJSON(t *testing.T) {
	t.Parallel()
	if v, err := (ratchet.JobID{}).Value(); v != nil || err != nil {
		t.Errorf("Value: got %v, %v, want nil", v, err)
	}
	id := ratchet.NewID[ratchet.Job]()
	if err := id.Scan(nil); err != nil || !id.IsZero() {
		t.Errorf("Scan(nil): got %v, %v, want the zero ID", id, err)
	}
	if b, _ := json.Marshal(ratchet.Job{}); strings.Contains(string(b), `"id"`) {
		t.Errorf("got %s, want no id", b)
	}
	for _, src := range []any{42, []byte("short"), "task_" + uuidText} {
		if err := id.Scan(src); err == nil {
			t.Errorf("Scan(%v): got %v, want an error", src, id)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("job_" + uuidText)
	f.Add(uuidText)
	f.Add("job_")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ratchet.ParseID[ratchet.Job](s)
		if err != nil {
			return
		}
		if got := strings.ToLower(strings.TrimPrefix(s, "job_")); got != id.UUID() {
			t.Errorf("ParseID(%q) is %s", s, id)
		}
	})
}
