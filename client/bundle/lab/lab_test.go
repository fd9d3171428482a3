package lab

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"zhenglian/app/receipt"
	"zhenglian/client/bundle"
	"zhenglian/client/bundle/bundletest"
)

func TestRawArchiveIsTheFormat(t *testing.T) {
	b := bundletest.New(t, 1000).Bytes(t)
	s, err := open(b)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(s.pack(), b) {
		t.Error("the lab's archive differs from the bundle")
	}
	again, err := s.clone().forge()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("a forgery without a change differs from the bundle: %v", err)
	}
}

// anyCheck stands for whichever check it is: what a bit in the manifest's middle
// belongs to depends on the salts.
const anyCheck = "*"

// by says which check is to catch each change first.
var by = map[string]string{
	"bit_first": "archive", "bit_last": "archive", "bit_data": "contents", "bit_screenshot": "contents", "bit_page": "contents", "bit_requests": "contents",
	"bit_environment": "contents", "bit_file": "contents", "bit_manifest": anyCheck, "bit_receipt": "contents", "bit_record": "contents", "bit_token": "contents",
	"bit_chain": "contents", "bit_custody": "contents", "bit_anchor": "contents", "bit_trust": "contents", "bit_readme": "contents",
	"cut_byte": "archive", "cut_half": "archive", "empty": "archive", "file_removed": "manifest", "receipt_removed": "manifest", "file_added": "manifest",
	"crc":               "contents",
	"forged_screenshot": "seal", "forged_file": "seal", "forged_ip": "seal", "forged_time": "seal", "forged_environment": "seal", "files_swapped": "seal",
	"forged_removal": "seal", "forged_addition": "seal", "role_changed": "seal", "salt_wrong": "seal", "field_changed": "seal", "field_removed": "seal",
	"leaf_wrong": "seal", "root_wrong": "seal", "resealed": "web_archive", "statement_time": "custody", "statement_member": "custody", "statement_anchor": "seal",
	"statement_chain": "custody", "signer_replaced": "inclusion", "signer_removed": "inclusion", "receipt_chain": "statement", "receipt_spliced": "inclusion",
	"receipt_seq": "inclusion", "path_cut": "inclusion", "path_changed": "inclusion", "block_time": "custody", "block_roots": "inclusion", "block_signature": "quorum",
	"record_spliced": "record", "trust_replaced": "trust_copy", "stamp_stale": "timestamps", "stamp_other": "timestamps", "stamp_named": "custody",
	"stamps_swapped": "timestamps", "stamp_removed": "timestamps", "stamp_chain": "timestamps", "anchor_time": "interval", "custody_edited": "custody",
	"custody_cut": "custody", "custody_added": "custody", "custody_unchained": "custody", "readme_replaced": "readme", "warc_added": "manifest",
	"warc_record": "seal", "warc_index": "seal", "warc_page": "seal", "wacz_package": "web_archive", "wacz_digest": "web_archive",
}

func TestEveryChangeIsCaught(t *testing.T) {
	k := bundletest.New(t, 1000)
	r, err := Run(context.Background(), k.Bytes(t), k.Trust, bundle.Options{WantID: k.ID})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Complete() || r.NotApplicable != 0 || r.Changes < 25 {
		t.Errorf("%d of %d changes caught, %d not applicable", r.Caught, r.Changes, r.NotApplicable)
	}
	seen := map[string]bool{}
	for _, o := range r.Outcomes {
		want := by[o.ID]
		if want == "" && o.Sort == Archive {
			want = "archive"
		}
		if !o.Caught || len(o.By) == 0 || o.By[0] != want && want != anyCheck {
			t.Errorf("%s: caught %v by %v, want %s first; %s %s%s %s", o.ID, o.Caught, o.By, want, o.Sentence.EN, o.NA, o.Err, o.Crash)
		}
		if seen[o.ID] || o.Name.ZH == "" || o.Name.EN == "" {
			t.Errorf("%s: twice, or without a name", o.ID)
		}
		seen[o.ID] = true
	}
	for id := range by {
		if !seen[id] {
			t.Errorf("no change %s", id)
		}
	}
	for _, lang := range []string{receipt.ZH, receipt.EN} {
		if s := r.Text(lang); strings.Count(s, "\n[") < 25 {
			t.Errorf("table: %s", s)
		}
	}
	t.Logf("%d changes", r.Changes)
}

// TestWithheld runs the lab on a bundle that shows less: changes that do not
// apply say so, the others are caught all the same.
func TestWithheld(t *testing.T) {
	k := bundletest.New(t, 0)
	for i := range k.Contents.Seal.Manifest.Fields {
		if n := k.Contents.Seal.Manifest.Fields[i].Name; n != "anchor" && n != "custody_head" {
			k.Contents.Withhold = append(k.Contents.Withhold, n)
		}
	}
	k.Contents.Seal.Anchor = nil
	r, err := Run(context.Background(), k.Bytes(t), k.Trust, bundle.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var na []string
	for _, o := range r.Outcomes {
		if o.NA != "" {
			na = append(na, o.ID)
		} else if !o.Caught {
			t.Errorf("%s is not caught: %s%s", o.ID, o.Err, o.Crash)
		}
	}
	if want := []string{"bit_anchor", "anchor_time"}; !slices.Equal(na, want) {
		t.Errorf("not applicable: got %v, want %v", na, want)
	}
}

func TestRefusesWhatDoesNotVerify(t *testing.T) {
	k := bundletest.New(t, 0)
	if _, err := Run(context.Background(), k.Bytes(t)[1:], k.Trust, bundle.Options{}); err == nil {
		t.Error("the lab runs on a broken bundle")
	}
}
