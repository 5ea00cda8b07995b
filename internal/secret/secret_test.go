package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/ratchet-runner/ratchet-go/internal/secret"
)

func newBox(t testing.TB, keys ...secret.Key) *secret.Box {
	t.Helper()
	b, err := secret.New(keys...)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatIsSealedOpensInItsPlaceOnly(t *testing.T) {
	t.Parallel()
	b := newBox(t, secret.NewKey())
	rapid.Check(t, func(t *rapid.T) {
		plain, place := rapid.SliceOf(rapid.Byte()).Draw(t, "plain"), rapid.SliceOf(rapid.Byte()).Draw(t, "place")
		sealed, err := b.Seal(plain, place)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := b.Open(sealed, place); err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("got %q, %v", got, err)
		}
		if other := append(bytes.Clone(place), 'x'); true {
			if _, err := b.Open(sealed, other); !errors.Is(err, secret.ErrOpen) {
				t.Fatalf("in another place: got %v", err)
			}
		}
		bit := rapid.IntRange(0, len(sealed)*8-1).Draw(t, "bit")
		sealed[bit/8] ^= 1 << (bit % 8)
		if _, err := b.Open(sealed, place); !errors.Is(err, secret.ErrOpen) && !errors.Is(err, secret.ErrKey) {
			t.Fatalf("with bit %d changed: got %v", bit, err)
		}
		cut := rapid.IntRange(0, len(sealed)-1).Draw(t, "length")
		if _, err := b.Open(sealed[:cut], place); err == nil {
			t.Fatalf("cut to %d bytes it opens", cut)
		}
	})
}

func TestTheSameValueIsNeverSealedTheSame(t *testing.T) {
	t.Parallel()
	b := newBox(t, secret.NewKey())
	x, _ := b.Seal([]byte("value"), nil)
	y, _ := b.Seal([]byte("value"), nil)
	if bytes.Equal(x, y) {
		t.Error("two seals of one value are equal: who reads the database sees that they are")
	}
	if bytes.Contains(x, []byte("value")) {
		t.Error("the value can be read")
	}
}

func TestOldKeysStillOpen(t *testing.T) {
	t.Parallel()
	old, current := secret.NewKey(), secret.NewKey()
	before, after := newBox(t, old), newBox(t, current, old)
	sealed, err := before.Seal([]byte("v"), []byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(sealed, []byte("p")); err != nil || string(got) != "v" {
		t.Errorf("got %q, %v", got, err)
	}
	again, err := after.Seal([]byte("v"), []byte("p"))
	if err != nil {
		t.Fatal(err)
	}
	if !after.Rotated(sealed) || after.Rotated(again) {
		t.Error("it cannot tell what is to be sealed anew")
	}
	if _, err := before.Open(again, []byte("p")); !errors.Is(err, secret.ErrKey) || !strings.Contains(err.Error(), current.ID()) {
		t.Errorf("got %v, want the ID of the key that is missing", err)
	}
}

func TestABoxNeedsAKey(t *testing.T) {
	t.Parallel()
	if _, err := secret.New(); err == nil {
		t.Error("a box without keys was made")
	}
	if _, err := secret.New(secret.Key{}); err == nil {
		t.Error("a box with the zero key was made")
	}
}

func TestAKeyIsNotPrinted(t *testing.T) {
	t.Parallel()
	k := secret.NewKey()
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s %x", k, k, k, k, k)} {
		if strings.Contains(text, hex.EncodeToString(k[:4])) || strings.Contains(text, fmt.Sprint(k[:4])) {
			t.Errorf("%s shows the key", text)
		}
	}
}

func TestKeysAreReadInTheirUsualForms(t *testing.T) {
	t.Parallel()
	k := secret.Key(bytes.Repeat([]byte{0xfb, 0xff}, 16)) // "+" and "/" in base64
	for _, text := range []string{
		hex.EncodeToString(k[:]), strings.ToUpper(hex.EncodeToString(k[:])), " " + base64.StdEncoding.EncodeToString(k[:]) + "\n",
		base64.URLEncoding.EncodeToString(k[:]), base64.RawURLEncoding.EncodeToString(k[:]),
	} {
		if got, err := secret.ParseKey(text); err != nil || got != k {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "password", strings.Repeat("g", 64), strings.Repeat("0", 64), hex.EncodeToString(k[:31]), base64.StdEncoding.EncodeToString(append(k[:], 1))} {
		_, err := secret.ParseKey(text)
		if err == nil {
			t.Errorf("%q was taken for a key", text)
		} else if len(text) > 2 && strings.Contains(err.Error(), text) {
			t.Errorf("the error tells the text: %v", err)
		}
	}
	keys, err := secret.ParseKeys("# new\n" + hex.EncodeToString(k[:]) + "\n\n# old\n" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, 32)) + "\n")
	if err != nil || len(keys) != 2 || keys[0] != k {
		t.Errorf("got %v, %v", keys, err)
	}
	if _, err := secret.ParseKeys("# nothing\n"); err == nil {
		t.Error("a text without keys was taken")
	}
}

func TestAKeyFileIsMadeOnceAndForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	got := make([][]secret.Key, 8)
	var all sync.WaitGroup
	for i := range got {
		all.Go(func() {
			keys, err := secret.LoadOrCreate(path)
			if err != nil {
				t.Error(err)
			}
			got[i] = keys
		})
	}
	all.Wait()
	for i := range got {
		if len(got[i]) != 1 || got[i][0] != got[0][0] {
			t.Fatalf("who came at the same time got other keys: %v", got)
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v", info.Mode())
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("there are files left: %v", left)
	}
}

func TestAKeyFileThatIsNoGoodIsRefusedAndNotReplaced(t *testing.T) {
	t.Parallel()
	k := secret.NewKey()
	good := hex.EncodeToString(k[:])
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"read by a group": {good, 0o640, "chmod 600"},
		"read by others":  {good, 0o604, "chmod 600"},
		"empty":           {"", 0o600, "no key in it"},
		"half a key":      {good[:40], 0o600, "line 1"},
	} {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS == "windows" && c.mode != 0o600 {
			continue
		}
		if _, err := secret.LoadOrCreate(path); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", name, err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != c.text {
			t.Errorf("%s: the file was changed", name)
		}
	}
	if _, err := secret.LoadOrCreate(t.TempDir()); err == nil {
		t.Error("a folder was taken for a key file")
	}
}

func FuzzOpenTakesAnyBytes(f *testing.F) {
	k := secret.NewKey()
	b := newBox(f, k)
	sealed, err := b.Seal([]byte("value"), []byte("place"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed[:20], []byte("place"))
	f.Add([]byte{1}, []byte{})
	f.Fuzz(func(t *testing.T, sealed, place []byte) {
		if _, err := b.Open(sealed, place); err == nil {
			t.Error("bytes that nobody sealed open")
		}
	})
}
