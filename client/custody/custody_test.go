package custody_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client/custody"
)

var update = flag.Bool("update", false, "write the vectors anew")

// sample is a log of five lines about two files.
func sample() (log []byte) {
	var prev tx.Digest
	last := map[byte]tx.Digest{}
	for i, c := range []struct {
		file       byte
		event, who string
	}{{1, custody.Stored, "key:0a"}, {2, custody.Stored, "anonymous"}, {1, custody.Read, "oidc:17"}, {1, custody.Held, "key:0a"}, {2, custody.Deleted, "node"}} {
		l := custody.Line{
			At: tx.Time(1_795_420_800_000 + int64(i)), Digest: tx.Digest{c.file}, Event: c.event, N: int64(i + 1),
			Prev: prev, Last: last[c.file], Who: c.who, Why: "案件 17",
		}
		b := l.Encode()
		prev = custody.Hash(b)
		last[c.file] = prev
		log = append(append(log, b...), '\n')
	}
	return log
}

// about keeps the lines about one file.
func about(log []byte, file byte) (some []byte) {
	for b := range bytes.Lines(log) {
		l, err := custody.Parse(b[:len(b)-1])
		if err == nil && l.Digest == (tx.Digest{file}) {
			some = append(some, b...)
		}
	}
	return some
}

// TestVectors: good.jsonl is a log, each file in bad is refused.
func TestVectors(t *testing.T) {
	good := filepath.Join("testdata", "good.jsonl")
	if *update {
		if err := os.WriteFile(good, sample(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	log, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(log, sample()) {
		t.Error("the log is written in another form")
	}
	for _, part := range [][]byte{log, about(log, 1), about(log, 2), nil} {
		lines, err := custody.Check(part)
		if err != nil || len(lines) != bytes.Count(part, []byte("\n")) {
			t.Errorf("%d lines, %v", len(lines), err)
		}
	}
}

// TestTampered changes a log in every way that a line or a bit can be changed.
func TestTampered(t *testing.T) {
	log := sample()
	lines := bytes.SplitAfter(log, []byte("\n"))
	lines = lines[:len(lines)-1]
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	for name, bad := range map[string][]byte{
		"first about a file left out": join(lines[1:]...),
		"middle left out":             join(lines[0], lines[1], lines[3], lines[4]),
		"two exchanged":               join(lines[1], lines[0], lines[2], lines[3], lines[4]),
		"one twice":                   join(lines[0], lines[0]),
		"no line feed":                log[:len(log)-1],
		"unknown event":               bytes.Replace(log, []byte(`"stored"`), []byte(`"gained"`), 1),
		"white space":                 bytes.Replace(log, []byte(`{"at"`), []byte(`{ "at"`), 1),
		"empty line":                  append([]byte("\n"), log...),
		"long who":                    bytes.Replace(log, []byte("anonymous"), []byte(strings.Repeat("a", custody.MaxWho+1)), 1),
	} {
		if _, err := custody.Check(bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	// A change of any line but the last about its file breaks the chain, in the whole log
	// and among the lines about the file.
	one := about(log, 1)
	for i := range 8 * (len(one) - len(lines[3])) {
		bad := bytes.Clone(one)
		bad[i/8] ^= 1 << (i % 8)
		if _, err := custody.Check(bad); err == nil {
			t.Errorf("bit %d changed: no error", i)
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(sample())
	f.Add(about(sample(), 1))
	f.Fuzz(func(t *testing.T, log []byte) {
		lines, err := custody.Check(log)
		if err != nil {
			return
		}
		var again []byte
		for _, l := range lines {
			again = append(append(again, l.Encode()...), '\n')
		}
		if !bytes.Equal(again, log) {
			t.Errorf("%q is not how it is written", log)
		}
	})
}
