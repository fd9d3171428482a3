package tx

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"encoding/asn1"
	"math/big"
)

// fixedKey makes the same key every time, so that vectors are stable.
func fixedKey(t testing.TB, typ KeyType, n byte) *PrivateKey {
	t.Helper()
	k, err := NewPrivateKey(typ, bytes.Repeat([]byte{n}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func sampleSeal() *Statement {
	at := Time(1795420800123) // 2026-11-23T08:00:00.123Z
	return &Statement{
		Chain: "zhenglian-demo", Kind: EvidenceSeal, Member: "hangzhou-amr", At: at, Expires: 5000,
		Body: &Evidence{
			Anchor:   Anchor{Hash: Digest{1}, Height: 41},
			Captured: Captured{Started: at - 4000, Ended: at - 1000, Method: "headless_chromium", Tool: "zheng/0.1 chromium/156.0", ToolSHA256: Digest{2}},
			CaseTag:  Digest{3},
			Class:    "web_capture",
			Env:      &Env{ReportSHA256: Digest{4}, Result: "ok"},
			Files: []File{
				{Bytes: 300000, Media: "image/png", Role: "screenshot", SHA256: Digest{5}, SM3: Digest{6}},
			},
			FieldsRoot: Digest{7},
		},
	}
}

func samples() map[string]*Statement {
	st := func(k Kind, prev ID, b Body) *Statement {
		return &Statement{Chain: "zhenglian-demo", Kind: k, Member: "taobao", At: 1795420800000, Expires: 9, Prev: prev, Body: b}
	}
	root := sampleSeal()
	root.Body = &Evidence{Anchor: Anchor{Digest{1}, 1}, Captured: Captured{Method: "upload", Tool: "zheng/0.1"}, Class: "file", FilesRoot: Digest{9}, FileCount: 65, TSA: []Digest{{1}, {2}}}
	gov := func(k Kind, b Body) *Statement { return st(k, ID{}, b) }
	key := func(n byte, roles ...string) Credential {
		k, _ := NewPrivateKey(Secp256k1, bytes.Repeat([]byte{n}, 32))
		return Credential{Key: k.Public(), Roles: roles}
	}
	tagged := key(3, "admin", "officer")
	tagged.Tag, tagged.ValidTo = Digest{8}, 900
	all := listSamples(st)
	maps.Copy(all, map[string]*Statement{
		"gov-member-admit": gov(GovMember, &Membership{Accounts: []Credential{key(1, "admin"), key(2, "admin")}, Action: Admit, Division: "320100", DivisionRev: "2024-12-31",
			ID: "nanjing-amr", NameEN: "Nanjing", NameZH: "南京", Roles: []string{"partner-city", "regulator"}, Superior: "jiangsu-amr", USCC: "91350100M000100Y43"}),
		"gov-member-amend":       gov(GovMember, &Membership{Action: Amend, ID: "lab-a", NameEN: "Lab", NameZH: "所", Roles: []string{"lab"}, USCC: "91350100M000100Y43"}),
		"gov-member-leave":       gov(GovMember, &Membership{Action: Leave, ID: "lab-a"}),
		"gov-account-add":        gov(GovAccount, &AccountChange{Action: Add, New: &tagged}),
		"gov-account-rotate":     gov(GovAccount, &AccountChange{Account: AccountID{1}, Action: Rotate, New: &tagged}),
		"gov-account-revoke":     gov(GovAccount, &AccountChange{Account: AccountID{1}, Action: Revoke}),
		"gov-account-expire":     gov(GovAccount, &AccountChange{Account: AccountID{1}, Action: Expire, ValidTo: 77}),
		"gov-account-compromise": gov(GovAccount, &AccountChange{Account: AccountID{1}, Action: Compromise, From: 5}),
		"gov-epoch-open":         gov(GovEpoch, &EpochChange{Action: OpenEpoch, Commitment: Digest{5}, Copies: []SealedCopy{{AccountID{1}, Digest{6}}, {AccountID{2}, Digest{7}}}, Epoch: 1, List: SeriousDishonest}),
		"gov-epoch-hand":         gov(GovEpoch, &EpochChange{Action: HandEpoch, Copies: []SealedCopy{{AccountID{3}, Digest{8}}}, Epoch: 1, List: NegativeIndex}),
		"gov-epoch-withdraw":     gov(GovEpoch, &EpochChange{Action: WithdrawEpoch, Epoch: 2, List: IndustryNotice, Reason: "compromised"}),
		"gov-freeze":             gov(GovFreeze, &Freeze{Account: AccountID{1}, Reason: "compromised"}),
		"gov-thaw":               gov(GovThaw, &Freeze{Account: AccountID{1}, Reason: "resolved"}),
		"gov-recover":            gov(GovRecover, &Recover{Accounts: []Credential{key(1, "admin"), key(2, "admin")}, ID: "lab-a"}),
		"gov-policy":             gov(GovPolicy, &PolicyChange{Expr: "officer@issuer", From: 50, Kind: EvidenceChallenge}),
		"gov-override":           gov(GovOverride, &PolicyChange{From: 50, Kind: EvidenceSeal}),
		"gov-params":             gov(GovParams, &Params{AnchorBlocks: 1, ExpiresBlocks: 2, FutureMillis: 1000, PendingBlocks: 4}),
		"gov-validator":          gov(GovValidator, &ValidatorChange{Key: ValidatorKey{1}, Member: "lab-a", Power: 10}),
		"gov-ready":              gov(GovReady, &Ready{Key: ValidatorKey{1}}),
		"gov-rotate":             gov(GovRotate, &KeyRotation{Key: ValidatorKey{1}, New: ValidatorKey{2}}),
		"gov-upgrade":            gov(GovUpgrade, &Upgrade{Height: 100, Info: "https://example.org/zhengd-v2", Version: 2}),
		"gov-ruleset": gov(GovRuleset, &RuleSet{Deadlines: []Deadline{{Basis: "Order 121 art. 14", Code: "ACCEPT", Count: 7, Extend: 7, Pause: []string{"hearing", "testing"}, Unit: Workdays}, {Basis: "Order 12 art. 13", Code: "NOTIFY", Count: 24, Extend: 24, Unit: Hours},
			{Basis: "Order 45", Code: "PUB_MINOR", Count: 3, Roll: true, Tentative: true, Unit: Months}, {Basis: "repealed", Code: "SUPERIOR", Unit: NoLimit}},
			Effective: Civil(2026, 4, 15), Name: "complaints-2026", Source: "市场监督管理投诉举报处理办法", SHA256: Digest{7}}),
		"clock-pause":  gov(ClockPause, &Standstill{ClockStep{Code: "CASE", Document: Digest{1}, Matter: ID{2}}, "testing"}),
		"clock-resume": gov(ClockResume, &ClockStep{Code: "CASE", Document: Digest{1}, Matter: ID{2}}),
		"clock-extend": gov(ClockExtend, &ClockStep{Code: "CASE", Document: Digest{1}, Matter: ID{2}}),
		"gov-calendar": gov(GovCalendar, &Calendar{Holidays: []Date{Civil(2027, 2, 5), Civil(2027, 2, 6)}, Source: "国务院办公厅通知", Workdays: []Date{Civil(2027, 2, 14)}, Year: 2027}),
		"gov-withdraw": st(GovWithdraw, ID{1}, &Withdraw{Reason: "mistake"}),
		"seal-web":     sampleSeal(),
		"seal-root":    root,
		"batch": gov(EvidenceBatch, &Batch{Anchor: Anchor{Digest{1}, 1}, Captured: Captured{Method: "upload", Tool: "zheng/0.1"}, CaseTag: Digest{2},
			Count: 1 << 20, List: Digest{3}, Root: Digest{4}}),
		"supersede":      st(EvidenceSupersede, ID{1}, &Supersede{By: ID{2}, Reason: "recapture"}),
		"withdraw":       st(EvidenceWithdraw, ID{1}, &Withdraw{Reason: "mistake"}),
		"erase":          st(EvidenceErase, ID{1}, &Erase{Authority: "internet-court", Basis: "court_order", Decision: Digest{3}, Files: []Digest{{1}, {2}}, Salts: true}),
		"challenge":      st(EvidenceChallenge, ID{1}, &Challenge{Document: Digest{3}, Ground: "not_authentic"}),
		"uphold":         st(EvidenceUphold, ID{1}, &Decision{Document: Digest{3}}),
		"reject":         st(EvidenceReject, ID{1}, &Decision{Document: Digest{3}}),
		"endorse":        st(EndorseKind, ID{}, &Endorse{Statement: ID{4}, Type: Served}),
		"endorse-object": st(EndorseKind, ID{}, &Endorse{Statement: ID{4}, Type: Objects, Reason: "not_served"}),
	})
	maps.Copy(all, traceSamples(st))
	maps.Copy(all, inspectSamples(st))
	return all
}

func TestStatementRoundTrip(t *testing.T) {
	for name, s := range samples() {
		b, err := s.Encode()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got, err := ParseStatement(b)
		if err != nil {
			t.Errorf("%s: %v in %s", name, err, b)
			continue
		}
		again, err := got.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%s: encoded again as\n%s\nwant\n%s (%v)", name, again, b, err)
		}
	}
}

func TestEnvelopeForms(t *testing.T) {
	b, err := sampleSeal().Encode()
	if err != nil {
		t.Fatal(err)
	}
	keys := []*PrivateKey{fixedKey(t, Secp256k1, 1), fixedKey(t, SM2, 2), fixedKey(t, MLDSA65, 3)}
	e, err := Seal(b, keys[0], keys[1], keys[2])
	if err != nil {
		t.Fatal(err)
	}
	wire := e.AppendWire(nil)
	p, err := ParseEnvelope(wire)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.AppendWire(nil), wire) {
		t.Error("wire form is not stable")
	}
	j, err := ParseEnvelopeJSON(e.AppendJSON(nil))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(j.AppendWire(nil), wire) {
		t.Error("JSON form loses something")
	}
	for _, k := range keys {
		v, err := k.Public().Verifier()
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, s := range p.Signatures {
			if s.Account != k.Public().Account() {
				continue
			}
			found = true
			if err := v.Verify(p.Payload, PAEDigest(p.Payload), s.Sig); err != nil {
				t.Errorf("%s: %v", k.Public().Type, err)
			}
			for i := range s.Sig {
				bad := bytes.Clone(s.Sig)
				bad[i] ^= 1
				if i%37 == 0 && v.Verify(p.Payload, PAEDigest(p.Payload), bad) == nil {
					t.Errorf("%s: byte %d of the signature does not matter", k.Public().Type, i)
				}
			}
			if v.Verify(p.Payload, PAEDigest(p.Payload), append(bytes.Clone(s.Sig), 0)) == nil {
				t.Errorf("%s: longer signature accepted", k.Public().Type)
			}
			other := append(bytes.Clone(p.Payload), ' ')
			if v.Verify(other, PAEDigest(other), s.Sig) == nil {
				t.Errorf("%s: signature holds for another payload", k.Public().Type)
			}
		}
		if !found {
			t.Errorf("no signature of %s", k.Public().Type)
		}
	}
}

// highS returns the other signature that a verifier without a low-S rule accepts.
func highS(sig []byte) []byte {
	n, _ := new(big.Int).SetString("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141", 16)
	high := bytes.Clone(sig)
	n.Sub(n, new(big.Int).SetBytes(sig[32:])).FillBytes(high[32:])
	return high
}

func TestHighS(t *testing.T) {
	b, _ := sampleSeal().Encode()
	k := fixedKey(t, Secp256k1, 1)
	sig, err := k.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	v, _ := k.Public().Verifier()
	high := highS(sig)
	if err := v.Verify(b, PAEDigest(b), high); !errors.Is(err, CodeHighS.Err()) {
		t.Errorf("high S: got %v, want %v", err, CodeHighS.Err())
	}
	if !bytes.Equal(LowS(high), sig) {
		t.Error("LowS does not give the low twin")
	}
}

// A signature made here checks with openssl: it is plain ES256K over the PAE.
func TestOpenSSLVerifies(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatalf("openssl is needed: apt-get install openssl (%v)", err)
	}
	dir := t.TempDir()
	b, _ := sampleSeal().Encode()
	k := fixedKey(t, Secp256k1, 1)
	sig, err := k.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])})
	if err != nil {
		t.Fatal(err)
	}
	// SubjectPublicKeyInfo of id-ecPublicKey on secp256k1 (RFC 5480, SEC 2).
	spki, err := asn1.Marshal(struct {
		Algorithm struct{ Type, Curve asn1.ObjectIdentifier }
		Key       asn1.BitString
	}{
		struct{ Type, Curve asn1.ObjectIdentifier }{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 3, 132, 0, 10}},
		asn1.BitString{Bytes: k.Public().Bytes, BitLength: 8 * 33},
	})
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	out, err := exec.Command(openssl, "dgst", "-sha256", "-keyform", "DER", "-verify", write("key.der", spki), "-signature", write("sig.der", der), write("pae", PAE(b))).CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("Verified OK")) {
		t.Errorf("openssl: %v: %s", err, out)
	}
}

func BenchmarkParseStatement(b *testing.B) {
	p, _ := sampleSeal().Encode()
	b.SetBytes(int64(len(p)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseStatement(p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifySecp256k1(b *testing.B) {
	p, _ := sampleSeal().Encode()
	k := fixedKey(b, Secp256k1, 1)
	sig, _ := k.Sign(p)
	v, _ := k.Public().Verifier()
	for b.Loop() {
		if err := v.Verify(p, PAEDigest(p), sig); err != nil {
			b.Fatal(err)
		}
	}
}

// Codes with a right check character, and the same with one mistake.
func TestUSCC(t *testing.T) {
	for _, s := range []string{"91350100M000100Y43", "91330100799655058B", "91110000802100433B"} {
		if !ValidUSCC(s) {
			t.Errorf("%s refused", s)
		}
		for i := range len(s) {
			bad := []byte(s)
			if bad[i]++; ValidUSCC(string(bad)) {
				t.Errorf("%s accepted for %s", bad, s)
			}
		}
		if ValidUSCC(s[1:]) || ValidUSCC(s+"0") {
			t.Errorf("%s: another length accepted", s)
		}
	}
	if ValidUSCC("91350100m000100Y43") || ValidUSCC("91350100I000100Y43") {
		t.Error("a character outside the alphabet accepted")
	}
}

func TestDivision(t *testing.T) {
	for s, want := range map[string]bool{"330100": true, "500110": true, "000000": false, "990100": false, "33010": false, "3301000": false, "33010a": false} {
		if ValidDivision(s) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
	for s, want := range map[string]bool{"2024-12-31": true, "2024-02-30": false, "2024-1-1": false, "": false} {
		if ValidDate(s) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
}
