package testfile

// nearest returns the word that got was likely meant to be, "" if none is near.
func nearest(got string, words []string) string {
	best, least := "", 1+max(1, len(got)/3)
	for _, word := range words {
		if d := edits(got, word); d < least {
			best, least = word, d
		}
	}
	return best
}

// edits counts the letters to insert, remove, change or swap with their
// neighbour (Damerau and Levenshtein).
func edits(a, b string) int {
	if len(a) > 100 {
		return len(a)
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i][j-1]+1, rows[i-1][j]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
