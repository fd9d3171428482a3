//go:build js

// Command zheng-signer signs statements in a browser: packages tx and keys as
// WebAssembly. Built by scripts/wasm, it runs in a worker of the page /notarize, reads
// no network, and holds the keys that were opened until the page is left.
//
// It defines one global object:
//
//	zheng.key(file)                       → {name, member, account, type, roles, secret}
//	zheng.unlock(file, passphrase)        → the same; the key can sign from now on
//	zheng.lock()                          → {}; all keys are forgotten
//	zheng.read(document)                  → {id, kind, chain, member, at, expires, statement, files, signatures}
//	zheng.sign(document, accounts)        → {id, envelope}
//	zheng.endorse(chain, member, expires, id, type, reason)   → {id, statement}
//	zheng.batch(table)                    → {count, skipped, list, sha256, root}
//	zheng.stateBatch(member, checkpoint, caseTag, expires, tool)    → {id, statement}
//	zheng.sha256(bytes)                   → {sha256}
//
// file is a key file as package keys keeps it, passphrase a string, empty for a secret
// that is not encrypted. document is a statement, or an envelope whose signatures are
// kept, as bytes. accounts are those of unlocked keys. envelope is DSSE in JSON.
// files are {role, media, bytes, sha256} of an evidence.seal. table is text with a
// SHA-256 on each line, list the digests as a batch keeps them, checkpoint that of the
// gateway, tool {tool, sha256}. What cannot be done is
// answered {error}; nothing is thrown.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall/js"
	"time"

	"zhenglian/app/tx"
	"zhenglian/client/keys"
)

func main() {
	js.Global().Set("zheng", js.ValueOf(map[string]any{
		"key": function(1, key), "unlock": function(2, unlock), "lock": function(0, lock),
		"read": function(1, read), "sign": function(2, sign), "endorse": function(6, endorse),
		"batch": function(1, gather), "stateBatch": function(5, stateBatch), "sha256": function(1, digest),
	}))
	select {} // the functions are called from outside
}

// function makes a function of JavaScript with so many arguments.
func function(arity int, f func(args []js.Value) (map[string]any, error)) js.Func {
	return js.FuncOf(func(_ js.Value, args []js.Value) (answer any) {
		defer func() {
			if r := recover(); r != nil { // an argument of another type than is documented
				answer = map[string]any{"error": fmt.Sprint(r)}
			}
		}()
		if len(args) != arity {
			return map[string]any{"error": fmt.Sprintf("%d arguments, want %d", len(args), arity)}
		}
		v, err := f(args)
		if err != nil {
			return map[string]any{"error": err.Error()}
		}
		return v
	})
}

// content copies a Uint8Array of at most limit bytes.
func content(v js.Value, limit int) ([]byte, error) {
	if !v.InstanceOf(js.Global().Get("Uint8Array")) {
		return nil, errors.New("not a Uint8Array")
	}
	n := v.Get("length").Int()
	if n > limit {
		return nil, fmt.Errorf("%d bytes; want at most %d", n, limit)
	}
	b := make([]byte, n)
	js.CopyBytesToGo(b, v)
	return b, nil
}

// unlocked are the keys that can sign, by account.
var unlocked = map[string]*keys.Key{}

func keyFile(v js.Value) (*keys.File, error) {
	b, err := content(v, 64<<10)
	if err != nil {
		return nil, err
	}
	return keys.Parse(b)
}

func describe(f *keys.File) map[string]any {
	roles := make([]any, len(f.Roles))
	for i, r := range f.Roles {
		roles[i] = r
	}
	return map[string]any{
		"name": f.Name, "member": string(f.Member), "account": f.Account.String(),
		"type": string(f.Public.Type), "roles": roles, "secret": f.Secret(),
	}
}

func key(args []js.Value) (map[string]any, error) {
	f, err := keyFile(args[0])
	if err != nil {
		return nil, err
	}
	return describe(f), nil
}

func unlock(args []js.Value) (map[string]any, error) {
	f, err := keyFile(args[0])
	if err != nil {
		return nil, err
	}
	k, err := f.Open([]byte(args[1].String()))
	if err != nil {
		return nil, err
	}
	unlocked[f.Account.String()] = &k
	return describe(f), nil
}

func lock([]js.Value) (map[string]any, error) {
	clear(unlocked)
	return map[string]any{}, nil
}

// document reads a statement, which becomes an envelope without signatures, or an
// envelope. The statement in it is well formed.
func document(v js.Value) (*tx.Envelope, *tx.Statement, error) {
	b, err := content(v, 2*tx.MaxEnvelope)
	if err != nil {
		return nil, nil, err
	}
	e := &tx.Envelope{Payload: bytes.TrimRight(b, "\r\n")}
	if !bytes.HasPrefix(b, []byte(`{"at":`)) { // how every statement begins
		if e, err = tx.ParseEnvelopeJSON(b); err != nil {
			return nil, nil, err
		}
	}
	s, err := tx.ParseStatement(e.Payload)
	return e, s, err
}

func read(args []js.Value) (map[string]any, error) {
	e, s, err := document(args[0])
	if err != nil {
		return nil, err
	}
	signatures := make([]any, len(e.Signatures))
	for i := range e.Signatures {
		signatures[i] = e.Signatures[i].Account.String()
	}
	files := []any{}
	if b, ok := s.Body.(*tx.Evidence); ok {
		for i := range b.Files {
			f := &b.Files[i]
			files = append(files, map[string]any{"role": f.Role, "media": f.Media, "bytes": float64(f.Bytes), "sha256": f.SHA256.String()})
		}
	}
	return map[string]any{
		"id": tx.StatementID(e.Payload).String(), "kind": string(s.Kind), "chain": s.Chain, "member": string(s.Member),
		"at": s.At.String(), "expires": float64(s.Expires), "statement": string(e.Payload), "files": files, "signatures": signatures,
	}, nil
}

func sign(args []js.Value) (map[string]any, error) {
	e, _, err := document(args[0])
	if err != nil {
		return nil, err
	}
	for i := range args[1].Length() {
		account := args[1].Index(i).String()
		k := unlocked[account]
		if k == nil {
			return nil, fmt.Errorf("the key of account %s is not open", account)
		}
		if slices.ContainsFunc(e.Signatures, func(s tx.Signature) bool { return s.Account == k.Public().Account() }) {
			continue
		}
		sig, err := k.Sign(e.Payload)
		if err != nil {
			return nil, err
		}
		e.Signatures = append(e.Signatures, tx.Signature{Account: k.Public().Account(), Sig: sig})
	}
	e.Sort()
	b, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": tx.StatementID(e.Payload).String(), "envelope": string(b)}, nil
}

// state encodes a statement of now.
func state(chain, member string, expires int64, kind tx.Kind, body tx.Body) (map[string]any, error) {
	s := tx.Statement{Chain: chain, Kind: kind, Member: tx.MemberID(member), At: tx.TimeOf(time.Now()), Expires: expires, Body: body}
	b, err := s.Encode()
	if err != nil {
		return nil, err
	}
	return map[string]any{"id": tx.StatementID(b).String(), "statement": string(b)}, nil
}

func endorse(args []js.Value) (map[string]any, error) {
	id, err := tx.ParseID(args[3].String())
	if err != nil {
		return nil, err
	}
	return state(args[0].String(), args[1].String(), int64(args[2].Float()), tx.EndorseKind,
		&tx.Endorse{Statement: id, Type: args[4].String(), Reason: args[5].String()})
}

func digest(args []js.Value) (map[string]any, error) {
	b, err := content(args[0], 512<<20)
	if err != nil {
		return nil, err
	}
	return map[string]any{"sha256": fmt.Sprintf("%x", sha256.Sum256(b))}, nil
}
