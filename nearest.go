package ratchet

import "strings"

// Nearest returns the word that got was likely meant to be, "" if none is near:
// the one with the fewest letters to insert, remove, change or swap with their
// neighbour (Damerau and Levenshtein), one or at most a third of got's, and never
// all of them.
func Nearest(got string, words []string) string {
	best, limit := "", min(1+max(1, len(got)/3), len(got))
	for _, word := range words {
		if d := editDistance(strings.ToLower(got), strings.ToLower(word), limit); d < limit {
			best, limit = word, d
		}
	}
	return best
}

// editDistance stops counting at limit.
func editDistance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit || len(a) > 2*MaxTaskName {
		return limit
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
