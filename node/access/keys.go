package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"

	"zhenglian/app/tx"
)

// An API key is zlk_ID_SECRET: ten letters and digits that may be known, and 52
// that carry 256 random bits.
const (
	keyPrefix = "zlk_"
	idLength  = 10
)

// A Key is what is kept of an API key.
type Key struct {
	ID      string      `json:"id"`
	Name    string      `json:"name"` // what the operator calls it
	Hash    string      `json:"hash"` // SHA-256 of the secret, hex
	Scopes  []Scope     `json:"scopes"`
	Member  tx.MemberID `json:"member,omitempty"`
	Rate    float64     `json:"rate,omitempty"` // requests a second; 0: the gateway's
	Created time.Time   `json:"created"`
	Expires time.Time   `json:"expires"`
	Revoked time.Time   `json:"revoked,omitzero"`
}

// Keys is a file of API keys, which an operator changes while gateways read it.
type Keys struct {
	path string

	mu   sync.Mutex // guards what follows
	seen fs.FileInfo
	byID map[string]*Key
}

// OpenKeys uses the file at path, which may not be there yet. Others than its
// owner must not be able to read it.
func OpenKeys(path string) (*Keys, error) {
	k := &Keys{path: path}
	_, err := k.load()
	return k, err
}

// load returns the keys, read anew when the file is another one.
func (k *Keys) load() (map[string]*Key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	info, err := os.Stat(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		k.seen, k.byID = nil, nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	if k.seen != nil && os.SameFile(k.seen, info) && k.seen.ModTime().Equal(info.ModTime()) && k.seen.Size() == info.Size() {
		return k.byID, nil
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("API keys: others can read %s: chmod 600", k.path)
	}
	b, err := os.ReadFile(k.path)
	if err != nil {
		return nil, fmt.Errorf("API keys: %w", err)
	}
	var file struct {
		Keys []Key `json:"keys"`
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("API keys: %s: %w", k.path, err)
	}
	byID := make(map[string]*Key, len(file.Keys))
	for i := range file.Keys {
		key := &file.Keys[i]
		if byID[key.ID] != nil {
			return nil, fmt.Errorf("API keys: %s: key %s is there twice", k.path, key.ID)
		}
		if err := key.check(); err != nil {
			return nil, fmt.Errorf("API keys: %s: key %s: %w", k.path, key.ID, err)
		}
		byID[key.ID] = key
	}
	k.seen, k.byID = info, byID
	return byID, nil
}

func (k *Key) check() error {
	if len(k.ID) != idLength {
		return errors.New("its id has another length")
	}
	if b, err := hex.DecodeString(k.Hash); err != nil || len(b) != sha256.Size {
		return errors.New("hash: want SHA-256 in hex")
	}
	if len(k.Scopes) == 0 {
		return errors.New("it has no scopes")
	}
	if k.Rate < 0 {
		return errors.New("rate is negative")
	}
	if k.Expires.IsZero() {
		return errors.New("it never expires")
	}
	return CheckScopes(k.Scopes)
}

// principal is who has a key.
func (k *Keys) principal(token string) (*Principal, error) {
	keys, err := k.load()
	if err != nil {
		return nil, err
	}
	id, secret, _ := strings.Cut(strings.TrimPrefix(token, keyPrefix), "_")
	key := keys[id]
	want := make([]byte, sha256.Size)
	if key != nil {
		want, _ = hex.DecodeString(key.Hash) // checked when it was read
	}
	got := sha256.Sum256([]byte(secret))
	// One answer for what is unknown and what is wrong, in the same time.
	if same := subtle.ConstantTimeCompare(got[:], want) == 1; !same || key == nil {
		return nil, denied("no such API key")
	}
	switch now := time.Now(); {
	case !key.Revoked.IsZero():
		return nil, denied("API key %s was revoked", id)
	case !now.Before(key.Expires):
		return nil, denied("API key %s has expired", id)
	}
	return &Principal{ID: "key:" + id, Name: key.Name, Member: key.Member, Scopes: key.Scopes, Rate: key.Rate}, nil
}

// List returns the keys, oldest first.
func (k *Keys) List() ([]Key, error) {
	keys, err := k.load()
	out := make([]Key, 0, len(keys))
	for _, key := range keys {
		out = append(out, *key)
	}
	slices.SortFunc(out, func(a, b Key) int {
		if n := a.Created.Compare(b.Created); n != 0 {
			return n
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out, err
}

// Add makes a key with what new says, and returns the token, which nobody can
// tell again.
func (k *Keys) Add(new Key) (Key, string, error) {
	secret := rand.Text() + rand.Text() // 26 letters of 5 bits each: 260 bits
	sum := sha256.Sum256([]byte(secret))
	new.ID = strings.ToLower(rand.Text()[:idLength])
	new.Hash = hex.EncodeToString(sum[:])
	new.Created = time.Now().UTC().Truncate(time.Second)
	new.Expires = new.Expires.UTC().Truncate(time.Second)
	if err := new.check(); err != nil {
		return Key{}, "", err
	}
	if !new.Expires.After(new.Created) {
		return Key{}, "", errors.New("it would have expired already")
	}
	err := k.change(func(keys []Key) ([]Key, error) { return append(keys, new), nil })
	return new, keyPrefix + new.ID + "_" + secret, err
}

// ErrNoKey means that there is no key of that id.
var ErrNoKey = errors.New("no such API key")

// Revoke ends a key at once, for good. Revoking it again changes nothing.
func (k *Keys) Revoke(id string) (Key, error) {
	var out Key
	err := k.change(func(keys []Key) ([]Key, error) {
		for i := range keys {
			if keys[i].ID != id {
				continue
			}
			if keys[i].Revoked.IsZero() {
				keys[i].Revoked = time.Now().UTC().Truncate(time.Second)
			}
			out = keys[i]
			return keys, nil
		}
		return nil, fmt.Errorf("%w: %s", ErrNoKey, id)
	})
	return out, err
}

// lockWait is how long a change waits for another one.
const lockWait = 5 * time.Second

// change rewrites the file. Two that change it at once do so one after the other.
func (k *Keys) change(f func([]Key) ([]Key, error)) error {
	lock := k.path + ".lock"
	for deadline := time.Now().Add(lockWait); ; time.Sleep(20 * time.Millisecond) {
		l, err := os.OpenFile(lock, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil {
			defer os.Remove(lock)
			defer l.Close()
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("API keys: %w", err)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("API keys: somebody else changes them; if nobody does, remove %s", lock)
		}
	}
	keys, err := k.List()
	if err == nil {
		keys, err = f(keys)
	}
	if err != nil {
		return err
	}
	b, err := json.MarshalIndent(map[string][]Key{"keys": keys}, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(k.path, append(b, '\n'), 0o600); err != nil {
		return fmt.Errorf("API keys: %w", err)
	}
	return nil
}
