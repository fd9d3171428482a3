package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/fields"
)

// A disclosure file (.disclosure.json) proves one field or one line of the
// manifest and shows nothing else: the entry with its salt and path
// ([fields.Disclosure]) and the receipt of the statement that has the root. It has one
// form, without white space:
//
//	{"disclosure":{entry, index, path, salt, size, v},"receipt":{…}}
func encodeDisclosure(d *fields.Disclosure, doc []byte) []byte {
	return slices.Concat([]byte(`{"disclosure":`), d.Encode(), []byte(`,"receipt":`), doc, []byte("}\n"))
}

// MaxDisclosure is the most bytes of a disclosure file.
const MaxDisclosure = receipt.MaxBytes + 1<<20

// Disclose takes from an opened bundle the disclosure file of a field, by name, or
// of an evidence file, by path. It verifies nothing.
func Disclose(a *Archive, name string) ([]byte, error) {
	b, err := a.Bytes(NameManifest, maxManifest)
	if err != nil {
		return nil, err
	}
	m, err := ParseManifest(b)
	if err != nil {
		return nil, err
	}
	d, err := m.Disclose(name)
	if err != nil {
		return nil, err
	}
	if b, err = a.Bytes(NameReceipt, receipt.MaxBytes); err != nil {
		return nil, err
	}
	return encodeDisclosure(d, b), nil
}

func parseDisclosure(b []byte) (*fields.Disclosure, []byte, error) {
	var parts struct {
		Disclosure json.RawMessage `json:"disclosure"`
		Receipt    json.RawMessage `json:"receipt"`
	}
	if len(b) > MaxDisclosure {
		return nil, nil, fmt.Errorf("disclosure: %d bytes; the limit is %d", len(b), MaxDisclosure)
	}
	if err := json.Unmarshal(b, &parts); err != nil {
		return nil, nil, fmt.Errorf("disclosure: %w", err)
	}
	d, err := fields.ParseDisclosure(parts.Disclosure)
	if err != nil {
		return nil, nil, err
	}
	if !bytes.Equal(encodeDisclosure(d, parts.Receipt), b) {
		return nil, nil, errors.New("disclosure: it is not in its one form")
	}
	return d, parts.Receipt, nil
}

// VerifyDisclosure checks a disclosure file against a trust root, as Verify
// checks a bundle. Of o it needs WantID and Witnesses only.
func VerifyDisclosure(b []byte, t *receipt.Trust, o Options) *Report {
	c := receipt.Check{ID: "disclosure", Name: receipt.Text{ZH: "出示的内容", EN: "what is disclosed"}, Article: "在线诉讼规则 art. 16"}
	d, doc, err := parseDisclosure(b)
	base := receipt.Verify(doc, t, receipt.Options{WantID: o.WantID, Witnesses: o.Witnesses})
	r := &Report{Report: base}
	if err == nil {
		r.Bundle, err = disclosed(d, doc)
	}
	switch {
	case err != nil:
		c.Result = receipt.Fail
		c.Sentence = receipt.Text{ZH: "出示的内容不能由上链陈述证明（" + plain(err) + "）。", EN: "What is disclosed is not proved by the statement on the ledger: " + plain(err) + "."}
		base.Verdict = receipt.NotVerified
		base.Summary = receipt.Text{ZH: "出示的内容不能采信。", EN: "What is disclosed is not to be relied on."}
	default:
		c.Result = receipt.Pass
		// Not how many leaves there are: the root does not commit to that.
		c.Sentence = receipt.Text{ZH: fmt.Sprintf("出示的内容是上链陈述加盐树中的第 %d 项。", d.Index+1),
			EN: fmt.Sprintf("What is disclosed is leaf %d under the salted root that the statement has on the ledger.", d.Index)}
	}
	base.Checks = append([]receipt.Check{c}, base.Checks...)
	base.NotChecked = append(base.NotChecked, receipt.Text{ZH: "未出示的其他字段和文件。", EN: "The other fields and files, which are not disclosed."})
	return r
}

// disclosed compares d with the statement of a receipt, and says what it shows.
func disclosed(d *fields.Disclosure, doc []byte) (*Facts, error) {
	r, err := receipt.Parse(doc)
	if err != nil {
		return nil, err
	}
	env, err := tx.ParseEnvelope(r.Entry.Envelope)
	if err != nil {
		return nil, err
	}
	s, err := receipt.Statement(env.Payload)
	if err != nil {
		return nil, err
	}
	e, ok := s.Body.(*tx.Evidence)
	if !ok {
		return nil, fmt.Errorf("a statement of kind %s has no fields", s.Kind)
	}
	if err := d.Verify(e.FieldsRoot); err != nil {
		return nil, err
	}
	facts := &Facts{Root: e.FieldsRoot, Fields: []Field{}, Tokens: []Stamp{}}
	if f, err := fields.ParseField(d.Entry); err == nil {
		facts.Fields = append(facts.Fields, Field{f.Name, f.Value})
		return facts, nil
	}
	f, err := ParseFile(d.Entry)
	if err != nil {
		return nil, errors.New("the entry is neither a field nor a file")
	}
	facts.Fields = append(facts.Fields, Field{"path", f.Path}, Field{"role", f.Role}, Field{"sha256", f.SHA256.String()}, Field{"sm3", f.SM3.String()})
	facts.Files, facts.Bytes = 1, f.Bytes
	return facts, nil
}
