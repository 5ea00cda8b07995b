package ratchet

// An Isolation says what shares a worker process. Whatever it is, each execution
// has a fresh JavaScript context, and no worker ever serves two versions. The
// empty Isolation is IsolationTask.
type Isolation string

// The isolations.
const (
	IsolationTask      Isolation = "task"      // executions of one version share a worker
	IsolationExecution Isolation = "execution" // each execution has a worker of its own
)

// ParseIsolation parses "task" or "execution".
func ParseIsolation(s string) (Isolation, error) {
	switch i := Isolation(s); i {
	case IsolationTask, IsolationExecution:
		return i, nil
	default:
		return "", Errorf(ReasonValidation, "Invalid isolation: '%s'. Supported isolations are: %s, %s", s, IsolationTask, IsolationExecution)
	}
}

// UnmarshalText reads what [ParseIsolation] accepts.
func (i *Isolation) UnmarshalText(b []byte) (err error) {
	*i, err = ParseIsolation(string(b))
	return err
}

func (i Isolation) problem() error {
	_, err := ParseIsolation(string(i))
	return err
}

// A FetchMode says what fetch gives a task. The empty FetchMode is FetchAsync.
type FetchMode string

// The fetch modes.
const (
	FetchAsync FetchMode = "async" // a promise of a Response, as on the web
	FetchSync  FetchMode = "sync"  // the plain result itself, as tasks of the earlier Ratchet expect
)

// ParseFetchMode parses "async" or "sync".
func ParseFetchMode(s string) (FetchMode, error) {
	switch m := FetchMode(s); m {
	case FetchAsync, FetchSync:
		return m, nil
	default:
		return "", Errorf(ReasonValidation, "Invalid fetch mode: '%s'. Supported modes are: %s, %s", s, FetchAsync, FetchSync)
	}
}

// UnmarshalText reads what [ParseFetchMode] accepts.
func (m *FetchMode) UnmarshalText(b []byte) (err error) {
	*m, err = ParseFetchMode(string(b))
	return err
}

func (m FetchMode) problem() error {
	_, err := ParseFetchMode(string(m))
	return err
}

// invalidField describes what is wrong with an option that is not left empty.
func invalidField[T interface {
	~string
	problem() error
}](pointer string, v T) []Detail {
	if v == "" {
		return nil
	}
	if err := v.problem(); err != nil {
		return []Detail{{Pointer: pointer, Message: err.Error(), Got: string(v)}}
	}
	return nil
}
