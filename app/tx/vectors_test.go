package tx

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/vectors anew: read the diff before you commit it")

// A vector is one file of testdata/vectors: bytes, and what a reader must say.
// Second implementations run on the same files; app/README.md §8 says how.
type vector struct {
	Name string `json:"name"`
	// What is to be read: statement (canonical text), statement_hex (the same
	// where it is not text), envelope (hex of the wire form), envelope_json (text)
	// or signature.
	Type  string `json:"type"`
	Input string `json:"input"`
	// What must come out. A code other than 0 means refused with that number.
	Code    Code   `json:"code"`
	Path    string `json:"path,omitempty"` // where, for statements
	ID      string `json:"id,omitempty"`   // of the statement
	PAE     string `json:"pae,omitempty"`  // SHA-256 of the pre-authentication encoding
	Key     string `json:"key,omitempty"`  // signature: public key, hex
	KeyType string `json:"key_type,omitempty"`
	Account string `json:"account,omitempty"` // signature: id that the key makes
	Sig     string `json:"sig,omitempty"`     // signature: hex
}

func (v *vector) run() error {
	switch v.Type {
	case "statement_hex":
		b, err := hex.DecodeString(v.Input)
		if err != nil {
			return err
		}
		_, err = ParseStatement(b)
		return err
	case "statement":
		s, err := ParseStatement([]byte(v.Input))
		if err != nil {
			return err
		}
		b, err := s.Encode()
		if err == nil && string(b) != v.Input {
			return fmt.Errorf("encodes as %s", b)
		}
		return err
	case "envelope":
		b, err := hex.DecodeString(v.Input)
		if err != nil {
			return err
		}
		e, err := ParseEnvelope(b)
		if err == nil && !bytes.Equal(e.AppendWire(nil), b) {
			return fmt.Errorf("encodes as %x", e.AppendWire(nil))
		}
		return err
	case "envelope_json":
		_, err := ParseEnvelopeJSON([]byte(v.Input))
		return err
	case "signature":
		key, err1 := hex.DecodeString(v.Key)
		sig, err2 := hex.DecodeString(v.Sig)
		if err1 != nil || err2 != nil {
			return fmt.Errorf("hex: %v, %v", err1, err2)
		}
		pub := PublicKey{KeyType(v.KeyType), key}
		if v.Account != "" && pub.Account().String() != v.Account {
			return fmt.Errorf("account %s", pub.Account())
		}
		ver, err := pub.Verifier()
		if err != nil {
			return err
		}
		return ver.Verify([]byte(v.Input), PAEDigest([]byte(v.Input)), sig)
	}
	return fmt.Errorf("unknown type %q", v.Type)
}

func TestVectors(t *testing.T) {
	dir := filepath.Join("testdata", "vectors")
	if *update {
		writeVectors(t, dir)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) < 4 {
		t.Fatalf("%d vector files, %v", len(files), err)
	}
	covered := make(map[Code]bool)
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		var vs []vector
		if err := json.Unmarshal(b, &vs); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, v := range vs {
			err := v.run()
			covered[v.Code] = true
			if CodeOf(err) != v.Code {
				t.Errorf("%s: %s: got %v, want code %d", filepath.Base(f), v.Name, err, v.Code)
				continue
			}
			if e, ok := err.(*Error); ok && v.Path != "" && e.Path != v.Path {
				t.Errorf("%s: %s: at %q, want %q", filepath.Base(f), v.Name, e.Path, v.Path)
			}
			if v.ID != "" && StatementID([]byte(v.Input)).String() != v.ID {
				t.Errorf("%s: %s: id %s, want %s", filepath.Base(f), v.Name, StatementID([]byte(v.Input)), v.ID)
			}
			if d := PAEDigest([]byte(v.Input)); v.PAE != "" && hex.EncodeToString(d[:]) != v.PAE {
				t.Errorf("%s: %s: PAE digest %x, want %s", filepath.Base(f), v.Name, d, v.PAE)
			}
		}
	}
	// Every refusal that needs no ledger has a vector.
	for _, c := range Codes() {
		if (c < 100 || c == CodeSignature || c == CodeHighS || c >= 300 && c <= CodeCalendarDay || c >= CodeStatutory && c <= CodeListBasis || c == CodeRespondBy || c >= 490 && c < 510) && !covered[c] {
			t.Errorf("no vector for code %d %s", c, c.Name())
		}
	}
}

func writeVectors(t *testing.T, dir string) {
	t.Helper()
	write := func(name string, vs []vector) {
		b, err := json.MarshalIndent(vs, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), append(b, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fill := func(v vector) vector {
		err := v.run()
		if e, ok := err.(*Error); ok {
			v.Code, v.Path = e.Code, e.Path
		} else if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		return v
	}

	var good, bad []vector
	names := make([]string, 0)
	for name := range samples() {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b, err := samples()[name].Encode()
		if err != nil {
			t.Fatal(err)
		}
		d := PAEDigest(b)
		good = append(good, fill(vector{Name: name, Type: "statement", Input: string(b), ID: StatementID(b).String(), PAE: hex.EncodeToString(d[:])}))
	}
	write("statements.json", good)

	b, _ := sampleSeal().Encode()
	seal := string(b)
	e, _ := samples()["endorse"].Encode()
	endorse := string(e)
	sub := func(name, s, old, new string) {
		if !strings.Contains(s, old) {
			t.Fatalf("%s: no %q in %s", name, old, s)
		}
		bad = append(bad, fill(vector{Name: name, Type: "statement", Input: strings.Replace(s, old, new, 1)}))
	}
	sub("white space", seal, `,"chain"`, `, "chain"`)
	sub("white space before the value", seal, `"chain":`, `"chain": `)
	sub("white space at the end", seal, `"v":1}`, `"v":1} `)
	sub("trailing data", seal, `"v":1}`, `"v":1}{}`)
	sub("ends early", seal, `"v":1}`, `"v":1`)
	sub("not JSON", seal, `{"at"`, `<"at"`)
	sub("members out of order", seal, `"prev":"","v":1`, `"v":1,"prev":""`)
	sub("duplicate member", seal, `"v":1}`, `"v":1,"v":1}`)
	sub("duplicate member in the body", seal, `"height":41`, `"height":41,"height":41`)
	sub("unknown member", seal, `"v":1}`, `"v":1,"x":1}`)
	sub("unknown member in the body", seal, `"class":`, `"cc":1,"class":`)
	sub("unknown member of a file", seal, `"media":`, `"mad":1,"media":`)
	sub("missing member", seal, `"prev":"",`, ``)
	sub("missing member of the body", seal, `"class":"web_capture",`, ``)
	sub("web capture without env", seal, seal[strings.Index(seal, `"env"`):strings.Index(seal, `"fields_root"`)], ``)
	sub("failed environment without a waiver", seal, `"result":"ok"`, `"result":"fail"`)
	sub("escaped solidus", seal, `image/png`, `image\/png`)
	sub("escape that need not be there", seal, `"chain":"z`, `"chain":"\u007a`)
	sub("upper-case hex", seal, `"hash":"01`, `"hash":"0A`)
	sub("short hex", seal, `"hash":"01`, `"hash":"1`)
	sub("null for absent", seal, `"prev":""`, `"prev":null`)
	sub("number as a string", seal, `"height":41`, `"height":"41"`)
	sub("fraction", seal, `"height":41`, `"height":41.0`)
	sub("exponent", seal, `"height":41`, `"height":41e0`)
	sub("leading zero", seal, `"height":41`, `"height":041`)
	sub("minus zero", seal, `"bytes":300000`, `"bytes":-0`)
	sub("over 2^53", seal, `"height":41`, `"height":9007199254740993`)
	sub("twenty digits", seal, `"height":41`, `"height":99999999999999999999`)
	sub("negative", seal, `"bytes":300000`, `"bytes":-1`)
	sub("negative height", seal, `"height":41`, `"height":-1`)
	sub("time without milliseconds", seal, `08:00:00.123Z`, `08:00:00Z`)
	sub("time with an offset", seal, `08:00:00.123Z`, `08:00:00+0800`)
	sub("31 November", seal, `"2026-11-23T08:00:00.123Z"`, `"2026-11-31T08:00:00.123Z"`)
	sub("nested too deeply", seal, `"tool":"zheng/0.1 chromium/156.0"`, `"tool":[[[[[[[[[[[1]]]]]]]]]]]`)
	bad = append(bad, fill(vector{Name: "not UTF-8", Type: "statement_hex", Input: hex.EncodeToString([]byte(strings.Replace(seal, `"v":1}`, "\"\xff\":1}", 1)))}))
	sub("not in NFC", seal, `"v":1}`, "\"w\u0301\u0301e\u0301\":1}")
	sub("statement version 2", seal, `"v":1}`, `"v":2}`)
	sub("unknown kind", seal, `evidence.seal`, `evidence.sale`)
	sub("chain with a capital", seal, `"chain":"z`, `"chain":"Z`)
	sub("unknown class", seal, `"web_capture"`, `"web_scrape"`)
	sub("media type without subtype", seal, `image/png`, `image`)
	sub("media type with a parameter", seal, `image/png`, `text/html;charset=utf-8`)
	sub("captured backwards", seal, `"ended":"2026-11-23T07:59:59.123Z"`, `"ended":"2026-11-22T07:59:59.123Z"`)
	sub("file_count without files_root", seal, `"files":`, `"file_count":65,"files":`)
	sub("neither files nor files_root", seal, seal[strings.Index(seal, `"files":`):strings.Index(seal, `},"chain"`)], `"tsa":[]`)
	sub("objection without a reason", endorse, `"type":"served"`, `"type":"objects"`)
	sub("reason without an objection", endorse, `"statement":`, `"reason":"other","statement":`)
	sub("unknown endorsement", endorse, `"type":"served"`, `"type":"likes"`)
	gov := func(name string) string {
		b, err := samples()[name].Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	admit, rotate := gov("gov-member-admit"), gov("gov-account-rotate")
	sub("credit code with a wrong check character", admit, `Y43"`, `Y44"`)
	sub("credit code too short", admit, `Y43"`, `Y4"`)
	sub("division of no province", admit, `"320100"`, `"990100"`)
	sub("division without its edition", admit, `"division_rev":"2024-12-31",`, ``)
	sub("edition on no day", admit, `2024-12-31`, `2024-13-31`)
	sub("regulator without a division", admit, `"division":"320100","division_rev":"2024-12-31",`, ``)
	sub("member without a name", admit, `"name_en":"Nanjing",`, ``)
	sub("empty name", admit, `"Nanjing"`, `""`)
	sub("unknown role of a member", admit, `"partner-city"`, `"partner"`)
	sub("roles out of order", admit, `"partner-city","regulator"`, `"regulator","partner-city"`)
	sub("no role", admit, `"roles":["partner-city","regulator"]`, `"roles":[]`)
	sub("its own superior", admit, `"superior":"jiangsu-amr"`, `"superior":"nanjing-amr"`)
	sub("one admin", admit, `"roles":["admin"]`, `"roles":["officer"]`)
	sub("amend with keys", admit, `"admit"`, `"amend"`)
	sub("leave with more than an id", admit, `"admit"`, `"leave"`)
	sub("unknown action", admit, `"admit"`, `"invite"`)
	sub("key that is no point", rotate, `"key":"02`, `"key":"05`)
	sub("unknown key type", rotate, `"secp256k1"`, `"ed25519"`)
	sub("empty tag", rotate, `"tag":"08`, `"tag":"00`)
	sub("rotate without account", rotate, rotate[strings.Index(rotate, `"account"`):strings.Index(rotate, `"action"`)], ``)
	sub("add with account", rotate, `"rotate"`, `"add"`)
	sub("revoke with a new key", rotate, `"rotate"`, `"revoke"`)
	sub("compromise without a height", gov("gov-account-compromise"), `"from":5`, `"from":0`)
	sub("expire without a height", gov("gov-account-expire"), `,"valid_to":77`, ``)
	epoch := gov("gov-epoch-open")
	sub("epoch 0", epoch, `"epoch":1`, `"epoch":0`)
	sub("epoch beyond its bound", epoch, `"epoch":1`, `"epoch":2147483649`)
	sub("epoch of no list", epoch, `serious_dishonest`, `blacklist`)
	sub("epoch opened without a commitment", epoch, epoch[strings.Index(epoch, `"commitment"`):strings.Index(epoch, `"copies"`)], ``)
	sub("epoch opened without copies", epoch, epoch[strings.Index(epoch, `"copies"`):strings.Index(epoch, `"epoch"`)], ``)
	sub("no copies in an array", epoch, epoch[strings.Index(epoch, `"copies":[`)+10:strings.Index(epoch, `],"epoch"`)], ``)
	sub("copies out of order", epoch, `"account":"01`, `"account":"03`)
	sub("copy for no account", epoch, `"account":"01`, `"account":"00`)
	sub("epoch opened for a reason", epoch, `"list":"serious_dishonest"`, `"list":"serious_dishonest","reason":"other"`)
	sub("epoch handed with a commitment", epoch, `"open"`, `"hand"`)
	sub("epoch withdrawn with copies", epoch, `"open"`, `"withdraw"`)
	sub("epoch withdrawn without a reason", gov("gov-epoch-withdraw"), `,"reason":"compromised"`, ``)
	sub("epoch withdrawn for an unknown reason", gov("gov-epoch-withdraw"), `"compromised"`, `"tired"`)
	sub("unknown action on an epoch", gov("gov-epoch-withdraw"), `"action":"withdraw"`, `"action":"burn"`)
	sub("unknown reason to freeze", gov("gov-freeze"), `"compromised"`, `"disliked"`)
	sub("recovery without keys", gov("gov-recover"), gov("gov-recover")[strings.Index(gov("gov-recover"), `"accounts":[`)+12:strings.Index(gov("gov-recover"), `],"id"`)], ``)
	sub("policy of an unknown kind", gov("gov-policy"), `evidence.challenge`, `evidence.doubt`)
	sub("parameter out of bounds", gov("gov-params"), `"future_millis":1000`, `"future_millis":999`)
	sub("negative power", gov("gov-validator"), `"power":10`, `"power":-1`)
	sub("too much power", gov("gov-validator"), `"power":10`, `"power":1000001`)
	sub("rotation to the same key", gov("gov-rotate"), `"new":"02`, `"new":"01`)
	sub("upgrade to version 0", gov("gov-upgrade"), `"version":2`, `"version":0`)
	rules, days := gov("gov-ruleset"), gov("gov-calendar")
	sub("deadlines out of order", rules, `"code":"ACCEPT"`, `"code":"ZACCEPT"`)
	sub("no deadline", rules, rules[strings.Index(rules, `{"basis"`):strings.Index(rules, `],"effective"`)], ``)
	sub("code in lower case", rules, `"code":"ACCEPT"`, `"code":"accept"`)
	sub("code that ends in a line", rules, `"code":"ACCEPT"`, `"code":"ACCEPT_"`)
	sub("unknown unit", rules, `"unit":"workdays"`, `"unit":"weeks"`)
	sub("deadline of nothing", rules, `"count":7,`, `"count":0,`)
	sub("deadline too long", rules, `"count":7,`, `"count":1001,`)
	sub("no deadline, yet a count", rules, `"unit":"workdays"`, `"unit":"none"`)
	sub("months that are extended", rules, `"count":3,"roll"`, `"count":3,"extend":1,"roll"`)
	sub("working days that roll", rules, `"count":7,`, `"count":7,"roll":true,`)
	sub("flag that is false", rules, `"roll":true`, `"roll":false`)
	sub("effective on no day", rules, `2026-04-15`, `2026-04-31`)
	sub("rule set with a capital", rules, `"name":"c`, `"name":"C`)
	sub("holiday of another year", days, `2027-02-05`, `2026-02-05`)
	sub("holidays out of order", days, `"2027-02-05","2027-02-06"`, `"2027-02-06","2027-02-05"`)
	sub("a Monday that is worked", days, `2027-02-14`, `2027-02-15`)
	sub("worked on a holiday", days, `2027-02-14`, `2027-02-06`)
	sub("a workday of another year", days, `2027-02-14`, `2028-02-13`)
	sub("calendar of year 1", days, `"year":2027`, `"year":1`)
	for _, v := range append(traceBad(gov), inspectBad(gov)...) {
		sub(v.name, v.statement, v.old, v.new)
	}

	of := func(name string) string {
		b, err := samples()[name].Encode()
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	listed, index := of("list-propose"), of("list-propose-index")
	sub("a statutory list that denies it", listed, `"statutory":true`, `"statutory":false`)
	sub("a list presented as statutory that is not", index, `"statutory":false`, `"statutory":true`)
	sub("a reason of another list", index, `"reason":"false_identity"`, `"reason":"food_safety"`)
	sub("a reason of no list", index, `"reason":"false_identity"`, `"reason":"dislike"`)
	sub("a statutory measure on a list that is not", index, `"measures":["compare"]`, `"measures":["no_honours"]`)
	sub("measures out of order", listed, `["key_supervision","no_honours"]`, `["no_honours","key_supervision"]`)
	sub("no measure", index, `"measures":["compare"]`, `"measures":[]`)
	sub("a credit code on a list that no law publishes", index, `"epoch":2,"tag":"0600000000000000000000000000000000000000000000000000000000000000"`,
		`"epoch":2,"tag":"0600000000000000000000000000000000000000000000000000000000000000","uscc":"91350100M000100Y43"`)
	sub("a credit code with a wrong check character", listed, `91350100M000100Y43`, `91350100M000100Y44`)
	sub("serious dishonesty without a penalty", listed, listed[strings.Index(listed, `"basis_sha256"`):strings.Index(listed, `"evidence"`)], ``)
	sub("a tag of zeros", index, `"tag":"06`, `"tag":"00`)
	sub("a key of epoch 0", index, `"epoch":2`, `"epoch":0`)
	sub("the same evidence twice", listed, `"0200000000000000000000000000000000000000000000000000000000000000"`, `"0100000000000000000000000000000000000000000000000000000000000000"`)
	sub("a name in the subject", index, `"epoch":2`, `"epoch":2,"name":"x"`)
	sub("an unknown list", index, `"list":"negative_index"`, `"list":"blacklist"`)
	sub("article 0", listed, `"article":9`, `"article":0`)
	sub("a law with a capital", listed, `samr_44_2021`, `SAMR_44_2021`)
	sub("a response due before service", of("list-serve"), `"respond_by":"2026-03-10"`, `"respond_by":"2026-03-01"`)
	sub("served on no day", of("list-serve"), `2026-03-01`, `2026-02-29`)
	sub("silence with a declaration", of("list-waive"), `"reason":"declared"`, `"reason":"no_response"`)
	sub("a declaration without its text", of("list-waive-silent"), `no_response`, `withdrawn`)
	sub("an entry that ends before it begins", of("list-decide"), `"until":"2027-04-01"`, `"until":"2026-03-01"`)
	sub("repair before the first day", of("list-decide"), `"repair_from":"2026-07-01"`, `"repair_from":"2026-03-01"`)
	sub("a reason of another kind", of("list-deny"), `not_fulfilled`, `court_order`)
	sub("acknowledged through nothing", of("list-ack"), `"through":9`, `"through":0`)
	sub("too many counted", of("list-ack"), `"applied":3`, `"applied":1000000001`)
	sub("terms out of order", of("gov-list"), `{"max":12,"min":3,"severity":"general"}`, `{"max":36,"min":12,"severity":"serious"}`)
	sub("a term with more than its most", of("gov-list"), `"max":12,"min":3`, `"max":2,"min":3`)
	sub("no law", of("gov-list"), `["ndrc_36_2026","samr_44_2021"]`, `[]`)
	sub("routing on without an assessment", of("gov-routing-off"), `"action":"off"`, `"action":"on"`)
	sub("a count in place of a bucket", of("routing-tag"), `"bucket":"several"`, `"bucket":17`)
	sub("a lookup to refuse a complaint", of("routing-read"), `"purpose":"routing"`, `"purpose":"refusal"`)
	many := sampleSeal()
	for i := range 65 {
		f := many.Body.(*Evidence).Files[0]
		f.SHA256[1] = byte(i + 1)
		many.Body.(*Evidence).Files = append(many.Body.(*Evidence).Files, f)
	}
	bad = append(bad, fill(vector{Name: "66 files", Type: "statement", Input: string(encodeUnchecked(many))}))
	twice := sampleSeal()
	twice.Body.(*Evidence).Files = append(twice.Body.(*Evidence).Files, twice.Body.(*Evidence).Files[0])
	bad = append(bad, fill(vector{Name: "a file twice", Type: "statement", Input: string(encodeUnchecked(twice))}))
	bad = append(bad, fill(vector{Name: "too large", Type: "statement", Input: strings.Repeat(" ", MaxStatement+1)}))
	write("statements_bad.json", bad)

	secp, other := fixedKey(t, Secp256k1, 1), fixedKey(t, Secp256k1, 2)
	sig, err := secp.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	env, err := Seal(b, secp, other)
	if err != nil {
		t.Fatal(err)
	}
	wireOf := func(e *Envelope) string { return hex.EncodeToString(e.AppendWire(nil)) }
	w := wireOf(env)
	envs := []vector{{Name: "two signatures", Type: "envelope", Input: w}}
	for _, cut := range []int{1, 2, 40, len(w)/2 - 30, len(w)/2 - 1} {
		envs = append(envs, vector{Name: fmt.Sprintf("cut after %d bytes", cut), Type: "envelope", Input: w[:2*cut]})
	}
	swapped := &Envelope{env.Payload, []Signature{env.Signatures[1], env.Signatures[0]}}
	double := &Envelope{env.Payload, []Signature{env.Signatures[0], env.Signatures[0]}}
	crowd := &Envelope{Payload: env.Payload}
	for i := range 65 {
		crowd.Signatures = append(crowd.Signatures, Signature{AccountID{byte(i + 1)}, sig[:1]})
	}
	j := string(env.AppendJSON(nil))
	envs = append(envs,
		vector{Name: "signatures out of order", Type: "envelope", Input: wireOf(swapped)},
		vector{Name: "one account twice", Type: "envelope", Input: wireOf(double)},
		vector{Name: "65 signatures", Type: "envelope", Input: wireOf(crowd)},
		vector{Name: "no signature", Type: "envelope", Input: wireOf(&Envelope{Payload: env.Payload})},
		vector{Name: "unknown field", Type: "envelope", Input: w + "2a0101"},
		vector{Name: "length not in shortest form", Type: "envelope", Input: "0a8100" + "61" + w[2:]},
		vector{Name: "another payload type", Type: "envelope", Input: strings.Replace(w, hex.EncodeToString([]byte("vnd.zhenglian")), hex.EncodeToString([]byte("vnd.zhengliaN")), 1)},
		vector{Name: "upper-case keyid", Type: "envelope", Input: strings.Replace(w, hex.EncodeToString([]byte(env.Signatures[0].Account.String())), hex.EncodeToString([]byte(strings.ToUpper(env.Signatures[0].Account.String()))), 1)},
		vector{Name: "too large", Type: "envelope", Input: strings.Repeat("00", MaxEnvelope+1)},
		vector{Name: "JSON form", Type: "envelope_json", Input: j},
		vector{Name: "JSON form, other order and white space", Type: "envelope_json", Input: strings.Replace(strings.Replace(j, `{"payload"`, "{ \n\"payload\"", 1), `"keyid"`, ` "keyid"`, 1)},
		vector{Name: "JSON form, duplicate member", Type: "envelope_json", Input: strings.Replace(j, `,"signatures"`, `,"payloadType":"x","signatures"`, 1)},
		vector{Name: "JSON form, unknown member", Type: "envelope_json", Input: strings.Replace(j, `,"signatures"`, `,"x":1,"signatures"`, 1)},
		vector{Name: "JSON form, no signatures member", Type: "envelope_json", Input: j[:strings.Index(j, `,"signatures"`)] + "}"},
		vector{Name: "JSON form, trailing data", Type: "envelope_json", Input: j + "{}"},
		vector{Name: "JSON form, unpadded base64", Type: "envelope_json", Input: strings.Replace(j, `=","payloadType`, `","payloadType`, 1)},
		vector{Name: "JSON form, another payload type", Type: "envelope_json", Input: `{"payload":"AAAA","payloadType":"x","signatures":[]}`},
	)
	for i := range envs {
		envs[i] = fill(envs[i])
	}
	write("envelopes.json", envs)

	var sigs []vector
	add := func(name string, k PublicKey, sig []byte, account bool) {
		v := vector{Name: name, Type: "signature", Input: seal, Key: hex.EncodeToString(k.Bytes), KeyType: string(k.Type), Sig: hex.EncodeToString(sig)}
		if account {
			v.Account = k.Account().String()
		}
		sigs = append(sigs, fill(v))
	}
	for _, typ := range []KeyType{Secp256k1, SM2, MLDSA65} {
		k := fixedKey(t, typ, 1)
		s, err := k.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		add(string(typ), k.Public(), s, true)
		broken := bytes.Clone(s)
		broken[len(broken)/3] ^= 1
		add(string(typ)+", one bit wrong", k.Public(), broken, false)
		add(string(typ)+", one byte short", k.Public(), s[:len(s)-1], false)
		add(string(typ)+", of another key", fixedKey(t, typ, 9).Public(), s, false)
		cut := k.Public()
		cut.Bytes = cut.Bytes[:len(cut.Bytes)-1]
		add(string(typ)+", short key", cut, s, false)
	}
	add("secp256k1, high s", secp.Public(), highS(sig), false)
	add("secp256k1, with recovery byte", secp.Public(), append(bytes.Clone(sig), 0), false)
	add("secp256k1, zero", secp.Public(), make([]byte, 64), false)
	notOnCurve := PublicKey{Secp256k1, append([]byte{2}, bytes.Repeat([]byte{0xff}, 32)...)}
	add("secp256k1, not a point", notOnCurve, sig, false)
	add("unknown key type", PublicKey{"ed25519", make([]byte, 32)}, sig, false)
	write("signatures.json", sigs)
}

// encodeUnchecked is Encode for statements that Encode refuses.
func encodeUnchecked(s *Statement) []byte {
	good, _ := sampleSeal().Encode()
	w := Writer{}
	w.Open()
	s.Body.write(&w)
	w.Close()
	from := bytes.Index(good, []byte(`"body":`)) + 7
	to := bytes.Index(good, []byte(`,"chain"`))
	return slices.Concat(good[:from], w.B, good[to:])
}

func FuzzParseStatement(f *testing.F) {
	for _, s := range samples() {
		b, _ := s.Encode()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		sameHeader(t, b)
		s, err := ParseStatement(b)
		if err != nil {
			if CodeOf(err) == CodeInternal {
				t.Fatalf("refusal without a number: %v", err)
			}
			return
		}
		again, err := s.Encode()
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("accepted %s, encodes as %s (%v)", b, again, err)
		}
	})
}

func FuzzParseEnvelope(f *testing.F) {
	b, _ := sampleSeal().Encode()
	e, _ := Seal(b, fixedKey(f, Secp256k1, 1), fixedKey(f, Secp256k1, 2))
	f.Add(e.AppendWire(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEnvelope(b)
		if err != nil {
			if CodeOf(err) == CodeInternal {
				t.Fatalf("refusal without a number: %v", err)
			}
			return
		}
		if again := e.AppendWire(nil); !bytes.Equal(again, b) {
			t.Fatalf("accepted %x, encodes as %x", b, again)
		}
	})
}

func FuzzParseEnvelopeJSON(f *testing.F) {
	b, _ := sampleSeal().Encode()
	e, _ := Seal(b, fixedKey(f, Secp256k1, 1), fixedKey(f, Secp256k1, 2))
	f.Add(e.AppendJSON(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := ParseEnvelopeJSON(b)
		if err != nil {
			if CodeOf(err) == CodeInternal {
				t.Fatalf("refusal without a number: %v", err)
			}
			return
		}
		again, err := ParseEnvelopeJSON(e.AppendJSON(nil))
		if err != nil || !bytes.Equal(again.AppendWire(nil), e.AppendWire(nil)) {
			t.Fatalf("accepted %s, which does not survive its own JSON form: %v", b, err)
		}
	})
}
