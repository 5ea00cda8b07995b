package sandbox

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Become puts up the worker's half of the layers for a foreign program, and
// executes it: it returns only if that fails, with what was put up so far.
//
// The layers are those of [Enter] but for MDWE and the dumpable mark, which the
// program cannot have. The root holds the Program's files and nothing else, all
// read-only; Landlock lets them be read, and only those that Run be executed;
// the filter knows one execve, the one made here. All of it is put around the
// calling thread, the only one that outlives an exec.
func Become(opts Options, p Program) (Report, error) {
	runtime.LockOSThread() // never unlocked: the thread is the program's
	var report Report
	if len(p.Files) == 0 {
		return report, errors.New("sandbox: a program without files")
	}
	b := &becoming{opts: opts, program: p}
	for _, s := range b.steps() {
		err := errLeftOff
		if !opts.without(s.layer) {
			err = s.up()
		}
		report.record(s.layer, err)
	}
	for _, m := range foregone() {
		report.Missing = append(report.Missing, m)
	}
	return b.execute(report)
}

// becoming is one worker on its way to be a Program.
type becoming struct {
	opts    Options
	program Program
	rooted  bool // the root is empty but for the files
}

func (b *becoming) steps() []step {
	opts := b.opts
	all := []step{
		{LayerPdeathsig, func() error { return keepPdeathsig(opts) }},
		{LayerNamespaces, func() error { return checkNamespaces(opts) }},
	}
	if errno, ok := opts.parent[LayerUID]; ok || opts.without(LayerUID) {
		all = append(all, step{LayerUID, func() error { return refusedBy("the server could not change the user", errno) }})
	}
	return append(all,
		step{LayerOOMScore, raiseOOMScore},
		step{LayerRlimits, func() error { return setProgramRlimits(opts) }},
		step{LayerRoot, func() error {
			err := programRoot(opts, b.program.Files)
			b.rooted = err == nil
			return err
		}},
		step{LayerCapabilities, dropAllCapabilities},
		step{LayerNoNewPrivs, func() error { return unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }},
		step{LayerLandlock, func() error { return landlockFiles(b.paths(), restrictThread) }},
	)
}

// paths are the files as this process sees them now.
func (b *becoming) paths() []File {
	files := slices.Clone(b.program.Files)
	if !b.rooted {
		for i := range files {
			files[i].Inside = files[i].Outside
		}
	}
	return files
}

// execute installs the filter and executes the program. The report goes to the
// program, so it is written before the filter is there, as if all went well.
func (b *becoming) execute(report Report) (Report, error) {
	filtered := report
	errs := errors.Join(b.keep())
	var failed error
	if b.opts.without(LayerSeccomp) {
		filtered.record(LayerSeccomp, errLeftOff)
		failed = errLeftOff
	} else {
		filtered.record(LayerSeccomp, nil)
	}
	filtered.settleProgram()
	call, err := b.call(filtered)
	if errs = errors.Join(errs, err); errs != nil {
		return filtered, fmt.Errorf("sandbox: %w", errs)
	}
	if failed == nil {
		failed = installOn(false, assemble(auditArch, programFilter(os.Getpid(), call), deny(syscall.EPERM)))
	}
	if failed != nil {
		report.record(LayerSeccomp, failed)
		report.settleProgram()
		if !b.opts.Insecure {
			return report, fmt.Errorf("sandbox: %w: %w", ErrNoSeccomp, failed)
		}
		if call, err = b.call(report); err != nil {
			return report, fmt.Errorf("sandbox: %w", err)
		}
	}
	return report, fmt.Errorf("sandbox: execute %s: %w", b.paths()[0].Inside, call.make())
}

// keep lets the Program's descriptors outlive the exec, and no others.
func (b *becoming) keep() error {
	var errs []error
	for _, fd := range b.program.Keep {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
			errs = append(errs, fmt.Errorf("descriptor %d: %w", fd, err))
		}
	}
	return errors.Join(errs...)
}

// An execCall is the one execve of a worker. Its three arguments lie at
// addresses drawn by lot, and the filter lets an execve pass that has exactly
// these: they are a password of more than 100 bits, which is gone with the
// memory of the launcher.
type execCall struct{ path, argv, envp uintptr }

func (b *becoming) call(report Report) (execCall, error) {
	program := b.program
	program.Files = b.paths()
	argv, err := program.argv(report)
	if err != nil {
		return execCall{}, err
	}
	env := slices.Concat(program.Env, program.EnvOutside)
	if b.rooted {
		env = slices.Concat(program.Env, program.EnvInside)
	}
	var call execCall
	if call.path, err = hidden(append([]byte(argv[0]), 0), 1); err != nil {
		return execCall{}, err
	}
	if call.argv, err = hiddenList(argv); err != nil {
		return execCall{}, err
	}
	call.envp, err = hiddenList(env)
	return call, err
}

// make executes the program.
func (c execCall) make() error {
	_, _, errno := syscall.RawSyscall(unix.SYS_EXECVE, c.path, c.argv, c.envp)
	return errno
}

// hiddenList is a C list of C strings at an address drawn by lot.
func hiddenList(texts []string) (uintptr, error) {
	var list []byte
	for _, text := range texts {
		at, err := hidden(append([]byte(text), 0), 1)
		if err != nil {
			return 0, err
		}
		list = binary.NativeEndian.AppendUint64(list, uint64(at))
	}
	return hidden(binary.NativeEndian.AppendUint64(list, 0), 8)
}

// hidden copies b to an address drawn by lot, a multiple of align.
func hidden(b []byte, align uintptr) (uintptr, error) {
	page := uintptr(os.Getpagesize())
	const lowest, bits = 1 << 32, 46
	for range 64 { // a place that is taken is drawn again
		var lot [8]byte
		_, _ = rand.Read(lot[:]) // never fails
		at := uintptr(binary.NativeEndian.Uint64(lot[:])) & (1<<bits - 1) / align * align
		if at < lowest {
			continue
		}
		start := at / page * page
		size := (at - start + uintptr(len(b)) + page - 1) / page * page
		p, _, errno := syscall.Syscall6(unix.SYS_MMAP, start, size, unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_FIXED_NOREPLACE, ^uintptr(0), 0)
		if errno == syscall.EEXIST || errno == 0 && p != start {
			continue
		}
		if errno != 0 {
			return 0, fmt.Errorf("map memory: %w", errno)
		}
		copy(unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), len(b)), b) // memory of a mapping of our own
		return at, nil
	}
	return 0, errors.New("no place in memory for the arguments of a program")
}

// keepPdeathsig asks again: the mark belongs to a thread, and the one that
// executes is the one that stays.
func keepPdeathsig(opts Options) error {
	if err := checkPdeathsig(opts); err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0)
}

// Limits of a program: V8 has its descriptors and threads.
const (
	programDescriptors = 64
	programThreads     = 64
)

func setProgramRlimits(opts Options) error {
	err := setRlimits(programDescriptors)
	if inNewNamespaces(opts) { // elsewhere it would count what else the user runs
		limit := unix.Rlimit{Cur: programThreads, Max: programThreads}
		err = errors.Join(err, unix.Prlimit(0, unix.RLIMIT_NPROC, &limit, nil))
	}
	return err
}

// dropAllCapabilities empties the bounding set too, which matters at exec: root
// in a namespace would have all capabilities of it again. (So does no_new_privs;
// neither trusts the other.)
func dropAllCapabilities() error {
	var errs []error
	for c := uintptr(0); c < 64; c++ {
		switch err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); {
		case errors.Is(err, unix.EINVAL): // past the last one
			c = 64
		case errors.Is(err, unix.EPERM): // this process has none to begin with
			c = 64
		case err != nil:
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, dropCapabilitiesOn(thisThread))...)
}
