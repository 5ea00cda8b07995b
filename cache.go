package ratchet

// A Cache says what a cache of a node holds, and how it was used since the node
// started.
type Cache struct {
	Name    string `json:"name"`
	Entries int    `json:"entries"`
	Size    Size   `json:"size"` // of all entries, about
	MaxSize Size   `json:"maxSize"`
	Hits    int64  `json:"hits"`
	Misses  int64  `json:"misses"`
	Evicted int64  `json:"evicted"` // for want of room, or because their time was over
	// Errors is how often a cache that nodes share could not be asked; Away, whether
	// that is so now. What it holds is not known: Entries and sizes are 0.
	Errors int64 `json:"errors,omitzero"`
	Away   bool  `json:"away,omitzero"`
}

// A CacheUse says what a job has to do with the cache of results.
type CacheUse string

// The uses. The empty one is that of a job that takes a result if one is kept when
// it starts.
const (
	CacheHit    CacheUse = "hit"    // it was completed when it was submitted, with a result that was kept
	CacheBypass CacheUse = "bypass" // it is run whatever is kept
)

// MaxCacheTTL bounds how long a task may have its results kept.
const MaxCacheTTL = Duration(30 * 24 * 60 * 60 * 1e9)
