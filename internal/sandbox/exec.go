package sandbox

import "encoding/json"

// A Program is a foreign program that a worker becomes once it is confined: an
// engine that is not linked into Ratchet, such as Node.
type Program struct {
	// Files are all that it sees, itself first.
	Files []File
	// Args are its arguments. The word [ReportArg] in them is replaced by the
	// JSON of the [Report].
	Args []string
	// Env is its whole environment.
	Env []string
	// EnvInside is added to Env where the root is empty, EnvOutside where it is not.
	EnvInside, EnvOutside []string
	// Keep are the descriptors, beside the standard ones, that it inherits.
	Keep []int
}

// A File is one of the few that a Program sees, read-only. The first is the
// program itself.
type File struct {
	Outside string // absolute path of the machine, without symbolic links
	Inside  string // absolute path in the empty root
	Run     bool   // may be executed: the program, and the loader that it names
	// Mount is the descriptor of what [OpenMounts] made of Outside, 0 for none.
	// It spares the worker the way there, which its user may not be free to go.
	Mount int
}

// ReportArg stands for the JSON of the Report among a Program's arguments.
const ReportArg = "@report"

// LevelNode is the level of a worker that became a [Program]: every layer but
// the two that such a program cannot live with.
const LevelNode Level = "node"

// foregone are the layers that a compiler to machine code and a program that is
// executed do without, and why.
func foregone() []MissingLayer {
	return []MissingLayer{
		{LayerNotDumpable, "executing a program makes the process dumpable again"},
		{LayerMDWE, "V8 compiles to memory that it writes and runs"},
	}
}

// settleProgram decides the level of a worker that becomes a Program.
func (r *Report) settleProgram() {
	kept := *r
	kept.Missing = nil
	for _, m := range r.Missing {
		if m.Layer != LayerNotDumpable && m.Layer != LayerMDWE {
			kept.Missing = append(kept.Missing, m)
		}
	}
	kept.settle()
	if r.Level = kept.Level; r.Level == LevelStrict {
		r.Level = LevelNode
	}
}

// argv is the Program's arguments with the report among them.
func (p Program) argv(report Report) ([]string, error) {
	argv := []string{p.Files[0].Inside}
	for _, arg := range p.Args {
		if arg == ReportArg {
			text, err := json.Marshal(report)
			if err != nil {
				return nil, err
			}
			arg = string(text)
		}
		argv = append(argv, arg)
	}
	return argv, nil
}
