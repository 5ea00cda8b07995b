package ratchet

import "slices"

// A transition is one line of a table of states: what a state may become. A
// state that may become nothing is terminal.
type transition[S ~string] struct {
	from S
	to   []S
}

func states[S ~string](table []transition[S]) []S {
	all := make([]S, len(table))
	for i, t := range table {
		all[i] = t.from
	}
	return all
}

// after returns what s may become, and whether the table knows s at all.
func after[S ~string](table []transition[S], s S) (next []S, known bool) {
	for _, t := range table {
		if t.from == s {
			return t.to, true
		}
	}
	return nil, false
}

func canBecome[S ~string](table []transition[S], s, next S) bool {
	to, _ := after(table, s)
	return slices.Contains(to, next)
}

func terminal[S ~string](table []transition[S], s S) bool {
	to, known := after(table, s)
	return known && len(to) == 0
}

// unknownState describes a state that the table does not have.
func unknownState[S ~string](table []transition[S], s S) []Detail {
	if _, known := after(table, s); known {
		return nil
	}
	return []Detail{oneOf("/state", string(s), states(table)...)}
}
