package js

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
	lib "modernc.org/libquickjs"
)

// An arena is the memory of one VM: a reserved range of addresses, made
// writable as it fills. The allocator's own state is in the range too, so that
// copying the range back undoes everything that happened in between.
//
// Small blocks come in size classes with a free list each. Large ones are runs
// of pages, first fit, coalesced when freed and given back to the kernel, so
// that what is resident follows what is in use.
type arena struct {
	mem  []byte // the whole reservation; only the first head.committed bytes may be touched
	base uintptr
}

// arenaHead is at the start of the range. All offsets count from the base.
type arenaHead struct {
	top       uintptr // end of what was ever handed out and is not given back
	high      uintptr // highest top since the last restore
	committed uintptr // end of what is writable
	reserved  uintptr // end of the range
	largeFree uintptr // address of the first free run, in address order
	peak      uintptr // most bytes in use at once
	refused   uintptr // set once an allocation was refused
	free      [smallClasses]uintptr
}

// block precedes every allocation. QuickJS wants 16-byte alignment.
type block struct {
	size  uintptr // usable bytes
	class uintptr // of small blocks; largeClass
}

// run is what a free run of pages begins with.
type run struct {
	size uintptr // of the whole run
	next uintptr
}

const (
	pageSize     = 4096
	blockHead    = unsafe.Sizeof(block{})
	commitStep   = 1 << 20
	largest      = 32 << 10 // biggest small block
	smallClasses = 32 + 6*4 // 16…512 by 16, then four to a doubling
	largeClass   = ^uintptr(0)
	giveBack     = 256 << 10 // free runs of this size lose their pages at once
	clearLimit   = 2 << 20   // a dirty tail up to this is cleared; a longer one loses its pages
)

// at turns an address inside an arena (never Go memory) into a pointer.
func at[T any](addr uintptr) *T { return *(**T)(unsafe.Pointer(&addr)) }

func bytesAt(addr, n uintptr) []byte { return unsafe.Slice(at[byte](addr), n) }

// newArena reserves room for a VM capped at limit bytes. The reservation is
// larger than the cap because blocks are rounded up and runs fragment.
func newArena(limit int64) (*arena, error) {
	n := (uintptr(limit)*2 + 16<<20) &^ (pageSize - 1)
	mem, err := reserve(n)
	if err != nil {
		return nil, fmt.Errorf("reserve %d bytes for a vm: %w", n, err)
	}
	a := &arena{mem: mem, base: uintptr(unsafe.Pointer(unsafe.SliceData(mem)))}
	if err := commit(mem[:commitStep]); err != nil {
		return nil, fmt.Errorf("commit memory of a vm: %w", err)
	}
	a.reset(commitStep, n)
	return a, nil
}

func (a *arena) head() *arenaHead { return at[arenaHead](a.base) }

func (a *arena) reset(committed, reserved uintptr) {
	top := (unsafe.Sizeof(arenaHead{}) + 15) &^ 15
	*a.head() = arenaHead{top: top, high: top, committed: committed, reserved: reserved}
}

// clear forgets everything, for a VM built from nothing.
func (a *arena) clear() {
	h := *a.head()
	a.scrub(0, h.high)
	a.reset(h.committed, h.reserved)
}

// snapshot copies what is in use.
func (a *arena) snapshot() []byte {
	h := a.head()
	h.high, h.peak = h.top, 0
	return append([]byte(nil), a.mem[:h.top]...)
}

// restore puts a snapshot back.
func (a *arena) restore(snapshot []byte) {
	h := *a.head()
	copy(a.mem, snapshot)
	a.head().committed = h.committed
	a.scrub(uintptr(len(snapshot)), h.high)
}

// trim forgets what lies behind the first n bytes, and gives back its memory if
// that is much.
func (a *arena) trim(n uintptr) {
	h := a.head()
	a.scrub(n, h.high)
	h.high = min(h.high, n)
}

// scrub zeroes a range, so that nothing of one execution is left for the next.
func (a *arena) scrub(from, to uintptr) {
	if to <= from {
		return
	}
	if to-from <= clearLimit {
		clear(a.mem[from:to])
		return
	}
	page := (from + pageSize - 1) &^ (pageSize - 1)
	clear(a.mem[from:page])
	end := (to + pageSize - 1) &^ (pageSize - 1)
	discard(a.mem[page:end])
}

func (a *arena) release() { release(a.mem) }

func sizeClass(n uintptr) (class, size uintptr) {
	if n <= 512 {
		class = (n + 15) / 16
		if class == 0 {
			class = 1
		}
		return class - 1, class * 16
	}
	class, size = 32, 640
	for step := uintptr(128); size < n; class++ {
		if (class-32)%4 == 3 {
			step *= 2
		}
		size += step
	}
	return class, size
}

// take extends the used part by n bytes and returns their address; 0 if there
// is no room.
func (h *arenaHead) take(base, n uintptr) uintptr {
	end := h.top + n
	if end > h.reserved || end < h.top {
		return 0
	}
	if end > h.committed {
		more := (end - h.committed + commitStep - 1) &^ (commitStep - 1)
		if h.committed+more > h.reserved {
			more = h.reserved - h.committed
		}
		if commit(bytesAt(base+h.committed, more)) != nil {
			return 0
		}
		h.committed += more
	}
	p := base + h.top
	h.top = end
	h.high = max(h.high, end)
	return p
}

func (h *arenaHead) allocLarge(base, n uintptr) uintptr {
	n = (n + blockHead + pageSize - 1) &^ (pageSize - 1)
	prev := uintptr(unsafe.Pointer(&h.largeFree))
	for p := h.largeFree; p != 0; p = at[run](p).next {
		r := at[run](p)
		if r.size >= n {
			if r.size-n >= pageSize {
				rest := p + n
				*at[run](rest) = run{size: r.size - n, next: r.next}
				*at[uintptr](prev) = rest
			} else {
				n = r.size
				*at[uintptr](prev) = r.next
			}
			*at[block](p) = block{size: n - blockHead, class: largeClass}
			return p + blockHead
		}
		prev = p + unsafe.Offsetof(run{}.next)
	}
	if pad := -(base + h.top) & (pageSize - 1); pad != 0 && h.take(base, pad) == 0 {
		return 0
	}
	p := h.take(base, n)
	if p == 0 {
		return 0
	}
	*at[block](p) = block{size: n - blockHead, class: largeClass}
	return p + blockHead
}

func (h *arenaHead) freeLarge(base, p uintptr) {
	start, size := p-blockHead, at[block](p-blockHead).size+blockHead
	prev, before := uintptr(unsafe.Pointer(&h.largeFree)), uintptr(0)
	next := h.largeFree
	for next != 0 && next < start {
		before, prev = next, next+unsafe.Offsetof(run{}.next)
		next = at[run](next).next
	}
	if next != 0 && start+size == next {
		size += at[run](next).size
		next = at[run](next).next
	}
	fresh := start
	if before != 0 && before+at[run](before).size == start {
		start, size = before, size+at[run](before).size
	} else {
		*at[uintptr](prev) = start
	}
	if size >= giveBack {
		from := max(fresh, start+pageSize)
		discard(bytesAt(from, start+size-from))
	}
	*at[run](start) = run{size: size, next: next}
}

// grow extends a large block in place if it is the last thing in the arena.
func (h *arenaHead) grow(base, p, n uintptr) bool {
	b := at[block](p - blockHead)
	if b.class != largeClass || p+b.size != base+h.top {
		return false
	}
	more := (n - b.size + pageSize - 1) &^ (pageSize - 1)
	if h.take(base, more) == 0 {
		return false
	}
	b.size += more
	return true
}

func (h *arenaHead) alloc(base, n uintptr) uintptr {
	if n > largest {
		return h.allocLarge(base, n)
	}
	class, size := sizeClass(n)
	if p := h.free[class]; p != 0 {
		h.free[class] = *at[uintptr](p)
		return p
	}
	p := h.take(base, size+blockHead)
	if p == 0 {
		return 0
	}
	*at[block](p) = block{size: size, class: class}
	return p + blockHead
}

// The four functions that QuickJS allocates with. s is its malloc state, whose
// opaque is the arena's base.

func (h *arenaHead) charge(st *lib.TJSMallocState, n uintptr) bool {
	if uint64(st.Fmalloc_size)+uint64(n) > uint64(st.Fmalloc_limit) {
		h.refused = 1
		return false
	}
	st.Fmalloc_size += lib.Tsize_t(n)
	h.peak = max(h.peak, uintptr(st.Fmalloc_size))
	return true
}

func jsMalloc(_ *libc.TLS, s uintptr, n lib.Tsize_t) uintptr {
	st := at[lib.TJSMallocState](s)
	h := at[arenaHead](st.Fopaque)
	if uint64(st.Fmalloc_size)+uint64(n) > uint64(st.Fmalloc_limit) {
		h.refused = 1
	}
	// Once refused the execution is over; what it does until it notices, in a
	// loop that catches every error, must cost little.
	if h.refused != 0 && n > largest {
		return 0
	}
	p := h.alloc(st.Fopaque, uintptr(n))
	if p == 0 {
		h.refused = 1
		return 0
	}
	if !h.charge(st, at[block](p-blockHead).size) {
		h.release(st.Fopaque, p)
		return 0
	}
	st.Fmalloc_count++
	return p
}

func (h *arenaHead) release(base, p uintptr) {
	b := at[block](p - blockHead)
	if b.class == largeClass {
		h.freeLarge(base, p)
		return
	}
	*at[uintptr](p) = h.free[b.class]
	h.free[b.class] = p
}

func jsFree(_ *libc.TLS, s, p uintptr) {
	if p == 0 {
		return
	}
	st := at[lib.TJSMallocState](s)
	st.Fmalloc_count--
	st.Fmalloc_size -= lib.Tsize_t(at[block](p - blockHead).size)
	at[arenaHead](st.Fopaque).release(st.Fopaque, p)
}

func jsRealloc(tls *libc.TLS, s, p uintptr, n lib.Tsize_t) uintptr {
	if p == 0 {
		if n == 0 {
			return 0
		}
		return jsMalloc(tls, s, n)
	}
	if n == 0 {
		jsFree(tls, s, p)
		return 0
	}
	old := at[block](p - blockHead).size
	if uintptr(n) <= old && (old <= largest || uintptr(n) > old/2) {
		return p
	}
	st := at[lib.TJSMallocState](s)
	h := at[arenaHead](st.Fopaque)
	if uintptr(n) > old && uint64(st.Fmalloc_size)+uint64(n)-uint64(old) <= uint64(st.Fmalloc_limit) && h.grow(st.Fopaque, p, uintptr(n)) {
		h.charge(st, at[block](p-blockHead).size-old)
		return p
	}
	q := jsMalloc(tls, s, n)
	if q == 0 {
		return 0
	}
	copy(bytesAt(q, uintptr(n)), bytesAt(p, min(old, uintptr(n))))
	jsFree(tls, s, p)
	return q
}

func jsUsable(_ *libc.TLS, p uintptr) lib.Tsize_t {
	return lib.Tsize_t(at[block](p - blockHead).size)
}
