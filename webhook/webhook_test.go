package webhook_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ratchet-runner/ratchet-go/webhook"
)

// The vectors that implementations of Standard Webhooks are tested by.
const (
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorTime      = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

	vectorPrivate = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
	vectorPublic  = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
	vectorEd25519 = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="
)

func TestSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	got, err := webhook.Sign(vectorID, time.Unix(vectorTime, 0), []byte(vectorBody), vectorSecret, vectorPrivate)
	if want := vectorSignature + " " + vectorEd25519; err != nil || got != want {
		t.Fatalf("got %q, %v, want %q", got, err, want)
	}
	m := webhook.Message{ID: vectorID, Timestamp: stamp(vectorTime), Signature: got, Body: []byte(vectorBody)}
	for _, key := range []string{vectorSecret, vectorPublic} {
		if err := webhook.Verify(m, time.Unix(vectorTime, 0), key); err != nil {
			t.Error(err)
		}
	}
}

// TestEd25519KeysOfEitherFormSignAlike takes the keys of RFC 8032, 7.1, test 1.
func TestEd25519KeysOfEitherFormSignAlike(t *testing.T) {
	t.Parallel()
	seed := decodeHex(t, "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
	public := decodeHex(t, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
	short := "whsk_" + base64.StdEncoding.EncodeToString(seed)
	long := "whsk_" + base64.StdEncoding.EncodeToString(append(seed, public...))
	one, err := webhook.Sign("msg_1", time.Unix(vectorTime, 0), []byte("{}"), short)
	if err != nil {
		t.Fatal(err)
	}
	two, err := webhook.Sign("msg_1", time.Unix(vectorTime, 0), []byte("{}"), long)
	if err != nil || one != two || !strings.HasPrefix(one, "v1a,") {
		t.Fatalf("got %q and %q, %v", one, two, err)
	}
	m := webhook.Message{ID: "msg_1", Timestamp: "1614265330", Signature: one, Body: []byte("{}")}
	if err := webhook.Verify(m, time.Unix(vectorTime, 0), "whpk_"+base64.StdEncoding.EncodeToString(public)); err != nil {
		t.Error(err)
	}
	m.Body = []byte("{ }")
	if err := webhook.Verify(m, time.Unix(vectorTime, 0), short); !errors.Is(err, webhook.ErrSignature) {
		t.Errorf("a changed body: got %v", err)
	}
}

func decodeHex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func stamp(seconds int64) string { return strconv.FormatInt(seconds, 10) }

func TestASecretCanBeChangedWhileReceiversCheckByTheOldOne(t *testing.T) {
	t.Parallel()
	older, newer := webhook.NewSecret(), webhook.NewSecret()
	now := time.Now()
	signature, err := webhook.Sign("msg_1", now, []byte("x"), newer, older)
	if err != nil || strings.Count(signature, "v1,") != 2 {
		t.Fatalf("got %q, %v", signature, err)
	}
	m := webhook.Message{ID: "msg_1", Timestamp: stamp(now.Unix()), Signature: signature, Body: []byte("x")}
	for name, key := range map[string]string{"old": older, "new": newer} {
		if err := webhook.Verify(m, now, key); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := webhook.Verify(m, now, webhook.NewSecret(), older); err != nil {
		t.Errorf("a receiver with two: %v", err)
	}
}

func TestWhatIsNotRightIsRefused(t *testing.T) {
	t.Parallel()
	good := webhook.Message{ID: vectorID, Timestamp: stamp(vectorTime), Signature: vectorSignature, Body: []byte(vectorBody)}
	for name, c := range map[string]struct {
		change func(*webhook.Message)
		now    int64
		key    string
		want   error
	}{
		"as it is":              {func(*webhook.Message) {}, vectorTime, vectorSecret, nil},
		"five minutes late":     {func(*webhook.Message) {}, vectorTime + 300, vectorSecret, nil},
		"later":                 {func(*webhook.Message) {}, vectorTime + 301, vectorSecret, webhook.ErrTimestamp},
		"from the future":       {func(*webhook.Message) {}, vectorTime - 301, vectorSecret, webhook.ErrTimestamp},
		"no time":               {func(m *webhook.Message) { m.Timestamp = "soon" }, vectorTime, vectorSecret, webhook.ErrTimestamp},
		"no id":                 {func(m *webhook.Message) { m.ID = "" }, vectorTime, vectorSecret, webhook.ErrMissing},
		"another id":            {func(m *webhook.Message) { m.ID += "x" }, vectorTime, vectorSecret, webhook.ErrSignature},
		"another body":          {func(m *webhook.Message) { m.Body = []byte("{}") }, vectorTime, vectorSecret, webhook.ErrSignature},
		"no version":            {func(m *webhook.Message) { m.Signature = m.Signature[3:] }, vectorTime, vectorSecret, webhook.ErrSignature},
		"called Ed25519":        {func(m *webhook.Message) { m.Signature = "v1a," + m.Signature[3:] }, vectorTime, vectorSecret, webhook.ErrSignature},
		"another key":           {func(*webhook.Message) {}, vectorTime, webhook.NewSecret(), webhook.ErrSignature},
		"behind ten wrong ones": {func(m *webhook.Message) { m.Signature = strings.Repeat("v1,AAAA ", 10) + m.Signature }, vectorTime, vectorSecret, webhook.ErrSignature},
	} {
		m := good
		c.change(&m)
		if err := webhook.Verify(m, time.Unix(c.now, 0), c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", name, err, c.want)
		}
	}
}

func TestErrorsOfKeysDoNotRepeatThem(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"hunter2hunter2hunter2", "whsec_", "whsec_aHVudGVyMg==", "whsec_%%%hunter2", "whsk_aHVudGVyMg==", "whpk_aHVudGVyMg==",
		"whsk_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("hunter2!", 8))),
	} {
		_, err := webhook.ParseKey(text)
		if err == nil {
			t.Errorf("%s was taken", text)
		} else if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVudGVy") {
			t.Errorf("the error repeats the key: %v", err)
		}
	}
	private, public, err := webhook.NewKeyPair()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := webhook.Sign("m", time.Now(), nil, public); err == nil {
		t.Error("a public key signed")
	}
	if _, err := webhook.ParseKey(private); err != nil {
		t.Error(err)
	}
}
