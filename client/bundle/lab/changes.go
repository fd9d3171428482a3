package lab

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zhenglian/app/receipt"
	"zhenglian/app/tx"
	"zhenglian/client/bundle"
	"zhenglian/client/fields"
	"zhenglian/client/stamp"
)

// A change makes another bundle of a subject that is its own.
type change struct {
	id, sort, zh, en string
	apply            func(s *subject) ([]byte, error)
}

// flipped turns a bit in one entry and repairs the archive, not the manifest.
func flipped(name string) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) {
		b, err := s.file(name)
		if err != nil {
			return nil, err
		}
		s.files[name] = flip(b)
		return s.pack(), nil
	}
}

// flippedRole is the same for an evidence file.
func flippedRole(role string) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) {
		p, err := s.evidence(role)
		if err != nil {
			return nil, err
		}
		return flipped(p)(s)
	}
}

// rawly turns the bytes of the file into others.
func rawly(f func(b []byte) []byte) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) { return f(bytes.Clone(s.raw)), nil }
}

// zipped changes the entries of the archive.
func zipped(f func(e []rawEntry) []rawEntry) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) { return archive(f(s.entries()), ""), nil }
}

// extra adds one entry that the directory sorts last.
func extra(change func(e *rawEntry)) func(*subject) ([]byte, error) {
	return zipped(func(e []rawEntry) []rawEntry {
		x := stored("evidence/zzz", []byte("x"))
		change(&x)
		if x.localName == "evidence/zzz" {
			x.localName = x.name
		}
		e = append(e, x)
		slices.SortFunc(e, func(a, b rawEntry) int { return strings.Compare(a.name, b.name) })
		return e
	})
}

// forged changes a subject and computes everything again that can be computed.
func forged(f func(s *subject) error) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) {
		if err := f(s); err != nil {
			return nil, err
		}
		return s.forge()
	}
}

// resealed changes the statement, whose signatures then do not fit.
func resealed(f func(st *tx.Statement, ev *tx.Evidence)) func(*subject) ([]byte, error) {
	return forged(func(s *subject) error { return s.editStatement(f) })
}

// rebound changes the receipt.
func rebound(f func(r *receipt.Receipt, e *tx.Envelope) error) func(*subject) ([]byte, error) {
	return forged(func(s *subject) error { return s.editReceipt(f) })
}

// restamped puts other tokens in place of the first.
func restamped(f func(s *subject, root tx.Digest) error) func(*subject) ([]byte, error) {
	return func(s *subject) ([]byte, error) {
		if _, err := s.file(bundle.DirTSA + "00.tsr"); err != nil {
			return nil, err
		}
		return forged(func(s *subject) error { return f(s, s.manifest.Root) })(s)
	}
}

// stampNow writes a token of an authority that the lab makes up.
func stampNow(s *subject, digest tx.Digest, at time.Time) error {
	a, err := stamp.NewTestAuthority("lab", func() time.Time { return at })
	if err != nil {
		return err
	}
	t, err := a.Stamp(context.Background(), digest)
	if err != nil {
		return err
	}
	s.files[bundle.DirTSA+"00.tsr"] = t.Response()
	var chain []byte
	for _, c := range t.Certs {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	s.files[bundle.DirTSA+"00.pem"] = chain
	return nil
}

var changes = []change{
	// Damage.
	{"bit_first", Damage, "首字节改动一位", "a bit in the first byte", rawly(func(b []byte) []byte { b[0] ^= 1; return b })},
	{"bit_last", Damage, "末字节改动一位", "a bit in the last byte", rawly(func(b []byte) []byte { b[len(b)-1] ^= 1; return b })},
	{"bit_data", Damage, "证据文件在证据包中被改动一位", "a bit of evidence, in place", func(s *subject) ([]byte, error) {
		p, err := s.evidence("")
		if err != nil {
			return nil, err
		}
		i := bytes.Index(s.raw, s.files[p])
		b := bytes.Clone(s.raw)
		b[i+len(s.files[p])/2] ^= 1
		return b, nil
	}},
	{"bit_screenshot", Damage, "截图改动一位", "a bit of the screenshot", flippedRole("screenshot")},
	{"bit_page", Damage, "网页存档改动一位", "a bit of the page's archive", flippedRole("mhtml")},
	{"bit_requests", Damage, "请求记录改动一位", "a bit of the log of requests", flippedRole("net")},
	{"bit_environment", Damage, "环境报告改动一位", "a bit of the report on the machine", flippedRole("env")},
	{"bit_file", Damage, "证据文件改动一位", "a bit of an evidence file", flippedRole("")},
	{"bit_manifest", Damage, "清单改动一位", "a bit of the manifest", func(s *subject) ([]byte, error) {
		e := s.entries()
		i := slices.IndexFunc(e, func(e rawEntry) bool { return e.name == bundle.NameManifest })
		e[i] = stored(e[i].name, flip(e[i].data))
		return archive(e, ""), nil
	}},
	{"bit_receipt", Damage, "回执改动一位", "a bit of the receipt", flipped(bundle.NameReceipt)},
	{"bit_record", Damage, "签名陈述改动一位", "a bit of the signed record", flipped(bundle.NameRecord)},
	{"bit_token", Damage, "时间戳改动一位", "a bit of a time-stamp", flipped(bundle.DirTSA + "00.tsr")},
	{"bit_chain", Damage, "时间戳证书链改动一位", "a bit of a time-stamp's certificates", flipped(bundle.DirTSA + "00.pem")},
	{"bit_custody", Damage, "保管记录改动一位", "a bit of the custody log", flipped(bundle.NameCustody)},
	{"bit_anchor", Damage, "锚定区块头改动一位", "a bit of the anchor block's header", flipped(bundle.NameAnchor)},
	{"bit_trust", Damage, "可信根副本改动一位", "a bit of the copy of the trust root", flipped(bundle.NameTrust)},
	{"bit_readme", Damage, "说明文件改动一位", "a bit of the explanations", flipped(bundle.NameReadme)},
	{"cut_byte", Damage, "缺少最后一个字节", "the last byte is missing", rawly(func(b []byte) []byte { return b[:len(b)-1] })},
	{"cut_half", Damage, "只有前一半", "only the first half", rawly(func(b []byte) []byte { return b[:len(b)/2] })},
	{"empty", Damage, "空文件", "an empty file", rawly(func([]byte) []byte { return []byte{} })},
	{"file_removed", Damage, "删除一个证据文件", "an evidence file is removed", func(s *subject) ([]byte, error) {
		p, err := s.evidence("")
		delete(s.files, p)
		return s.pack(), err
	}},
	{"receipt_removed", Damage, "删除回执", "the receipt is removed", func(s *subject) ([]byte, error) {
		delete(s.files, bundle.NameReceipt)
		return s.pack(), nil
	}},
	{"file_added", Damage, "加入一个文件", "a file is added", func(s *subject) ([]byte, error) {
		s.files[bundle.DirFiles+"added.txt"] = []byte("added")
		return s.pack(), nil
	}},

	// Archives that programs read differently.
	{"trailing", Archive, "末尾附加数据", "data behind the end", rawly(func(b []byte) []byte { return append(b, "trailing"...) })},
	{"leading", Archive, "开头附加数据", "data before the beginning", rawly(func(b []byte) []byte { return append([]byte("leading"), b...) })},
	{"comment", Archive, "ZIP 注释", "a comment", func(s *subject) ([]byte, error) { return archive(s.entries(), "hello"), nil }},
	{"duplicate", Archive, "同名文件两份", "two entries of one name", zipped(func(e []rawEntry) []rawEntry {
		return slices.Insert(e, 1, stored(e[0].name, []byte("other")))
	})},
	{"case_twin", Archive, "仅大小写不同的同名文件", "two names that differ in case only", extra(func(e *rawEntry) { e.name = "evidence/MANIFEST.json" })},
	{"traversal", Archive, "路径穿越", "a name that leads out of the folder", extra(func(e *rawEntry) { e.name = "evidence/../../etc/passwd" })},
	{"absolute", Archive, "绝对路径", "an absolute name", extra(func(e *rawEntry) { e.name = "/etc/passwd" })},
	{"backslash", Archive, "反斜杠路径", "a name with backslashes", extra(func(e *rawEntry) { e.name = `evidence\..\x` })},
	{"invisible", Archive, "不可见字符文件名", "a name with an invisible character", extra(func(e *rawEntry) { e.name = "evidence/a\u202egnp.exe" })},
	{"link", Archive, "符号链接", "a symbolic link", extra(func(e *rawEntry) { e.attrs = 0o120777 << 16; e.data = []byte("/etc/passwd") })},
	{"encrypted", Archive, "加密标志", "an entry said to be encrypted", extra(func(e *rawEntry) { e.flags |= 1 })},
	{"unknown_method", Archive, "未知压缩方法", "an unknown compression", extra(func(e *rawEntry) { e.method = 99 })},
	{"bomb", Archive, "压缩炸弹", "a decompression bomb", extra(func(e *rawEntry) {
		var z bytes.Buffer
		w, _ := flate.NewWriter(&z, flate.BestCompression) // the level is valid
		zeros := make([]byte, 1<<20)
		for range 32 {
			_, _ = w.Write(zeros) // to memory
		}
		_ = w.Close()
		e.method, e.data, e.size = 8, z.Bytes(), 32<<20
	})},
	{"huge", Archive, "谎称 4 GB 的文件", "an entry said to have 4 GB", extra(func(e *rawEntry) { e.size = 1<<32 - 2 })},
	{"zip64_lie", Archive, "虚假的 zip64 长度", "a false zip64 size", extra(func(e *rawEntry) {
		e.size, e.version = 1<<32-1, 45
		e.extra = binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64([]byte{1, 0, 16, 0}, 1<<62), 1<<62)
	})},
	{"extra_field", Archive, "附加字段", "an extra field", extra(func(e *rawEntry) { e.extra = []byte{0x75, 0x78, 0, 0} })},
	{"descriptor", Archive, "数据描述符标志", "an entry with a data descriptor", extra(func(e *rawEntry) { e.flags |= 8 })},
	{"local_header", Archive, "本地头与目录不符", "a local header that names another file", zipped(func(e []rawEntry) []rawEntry {
		e[0].localName = strings.ToUpper(e[0].localName)
		return e
	})},
	{"crc", Archive, "错误的 CRC", "a wrong CRC", zipped(func(e []rawEntry) []rawEntry { e[0].crc++; return e })},
	{"order", Archive, "条目次序颠倒", "entries in another order", zipped(func(e []rawEntry) []rawEntry { slices.Reverse(e); return e })},
	{"many", Archive, "超过一万个条目", "more than 10 000 entries", zipped(func(e []rawEntry) []rawEntry {
		for i := range bundle.MaxEntries {
			e = append(e, stored(fmt.Sprintf("z/%05d", i), nil))
		}
		return e
	})},

	// Forgeries: manifest, digests and root are computed again.
	{"forged_screenshot", Forgery, "替换截图并重算清单", "another screenshot, all digests computed again", forged(func(s *subject) error {
		p, err := s.evidence("screenshot")
		s.files[p] = []byte("\x89PNG another")
		return err
	})},
	{"forged_file", Forgery, "改动证据文件并重算清单", "another evidence file, all digests computed again", forged(func(s *subject) error {
		p, err := s.evidence("")
		if err == nil {
			s.files[p] = flip(s.files[p])
		}
		return err
	})},
	{"forged_ip", Forgery, "改动请求记录中的服务器地址", "another server address in the log of requests", forged(func(s *subject) error {
		p, err := s.evidence("net")
		if err != nil {
			return err
		}
		return s.edit(p, `"remote_ip":"`, `"remote_ip":"1`)
	})},
	{"forged_time", Forgery, "改动请求记录中的时间", "another time in the log of requests", forged(func(s *subject) error {
		p, err := s.evidence("net")
		if err != nil {
			return err
		}
		return s.edit(p, `"at":"2`, `"at":"3`)
	})},
	{"forged_environment", Forgery, "改写环境报告", "another report on the machine", forged(func(s *subject) error {
		p, err := s.evidence("env")
		if err == nil {
			s.files[p] = append(bytes.Clone(s.files[p]), ' ')
		}
		return err
	})},
	{"files_swapped", Forgery, "两个证据文件互换内容", "two evidence files change places", forged(func(s *subject) error {
		var paths []string
		for i := range s.manifest.Files {
			if f := &s.manifest.Files[i]; !f.Withheld {
				paths = append(paths, f.Path)
			}
		}
		if len(paths) < 2 {
			return errNA("there is one evidence file only")
		}
		a, b := paths[0], paths[len(paths)-1]
		s.files[a], s.files[b] = s.files[b], s.files[a]
		return nil
	})},
	{"forged_removal", Forgery, "删除证据文件及其清单行", "an evidence file and its line are removed", forged(func(s *subject) error {
		p, err := s.evidence("")
		delete(s.files, p)
		s.manifest.Files = slices.DeleteFunc(s.manifest.Files, func(f bundle.SealedFile) bool { return f.Path == p })
		return err
	})},
	{"forged_addition", Forgery, "加入证据文件及其清单行", "an evidence file and its line are added", forged(func(s *subject) error {
		p := bundle.DirFiles + "added.txt"
		s.files[p] = []byte("added")
		s.manifest.Files = append(s.manifest.Files, bundle.SealedFile{File: bundle.File{Path: p, Role: "original", Media: "text/plain"}, Salt: fields.NewSalt()})
		slices.SortFunc(s.manifest.Files, func(a, b bundle.SealedFile) int { return strings.Compare(a.Path, b.Path) })
		return nil
	})},
	{"role_changed", Forgery, "改动文件的用途说明", "an evidence file in another role", forged(func(s *subject) error {
		if len(s.manifest.Files) == 0 || s.manifest.Files[0].Withheld {
			return errNA("the first evidence file is withheld")
		}
		s.manifest.Files[0].Role = "another_role"
		return nil
	})},
	{"salt_wrong", Forgery, "错误的盐值", "a wrong salt", func(s *subject) ([]byte, error) {
		for i := range s.manifest.Fields {
			if f := &s.manifest.Fields[i]; !f.Withheld {
				f.Salt[0] ^= 1
				return s.pack(), nil
			}
		}
		return nil, errNA("all fields are withheld")
	}},
	{"field_changed", Forgery, "改动字段（如案号、网址）", "another value of a field", forged(func(s *subject) error {
		for i := range s.manifest.Fields {
			if f := &s.manifest.Fields[i]; !f.Withheld {
				f.Value += "0"
				return nil
			}
		}
		return errNA("all fields are withheld")
	})},
	{"field_removed", Forgery, "删除一个字段", "a field is removed", forged(func(s *subject) error {
		s.manifest.Fields = s.manifest.Fields[:len(s.manifest.Fields)-1]
		return nil
	})},
	{"leaf_wrong", Forgery, "以虚假叶值隐去字段", "a field withheld behind a false leaf", forged(func(s *subject) error {
		s.manifest.Fields[0] = bundle.SealedField{Withheld: true, Leaf: tx.Digest{1}}
		return nil
	})},
	{"root_wrong", Forgery, "改动清单中的树根", "another root in the manifest", func(s *subject) ([]byte, error) {
		s.manifest.Root[0] ^= 1
		return s.pack(), nil
	}},
	{"resealed", Forgery, "替换证据、树根并改写陈述", "other evidence, with a statement that fits", func(s *subject) ([]byte, error) {
		p, err := s.evidence("")
		if err != nil {
			return nil, err
		}
		s.files[p] = flip(s.files[p])
		if _, err := s.forge(); err != nil {
			return nil, err
		}
		err = s.editStatement(func(_ *tx.Statement, ev *tx.Evidence) {
			ev.FieldsRoot, ev.Files = s.manifest.Root, nil
			for i := range s.manifest.Files {
				f := &s.manifest.Files[i]
				ev.Files = append(ev.Files, tx.File{Bytes: f.Bytes, Media: f.Media, Role: f.Role, SHA256: f.SHA256, SM3: f.SM3})
			}
		})
		if err != nil {
			return nil, err
		}
		return s.forge()
	}},
	{"statement_time", Forgery, "改动陈述的时间", "another time in the statement", resealed(func(st *tx.Statement, _ *tx.Evidence) { st.At -= 86_400_000 })},
	{"statement_member", Forgery, "改动陈述的成员", "another member states", resealed(func(st *tx.Statement, _ *tx.Evidence) { st.Member = "other-member" })},
	{"statement_anchor", Forgery, "改动锚定区块", "another anchor block", resealed(func(_ *tx.Statement, ev *tx.Evidence) { ev.Anchor.Height++ })},
	{"statement_chain", Forgery, "改为另一条链的陈述", "a statement of another chain", resealed(func(st *tx.Statement, _ *tx.Evidence) { st.Chain = "other-chain-1" })},
	{"signer_replaced", Forgery, "替换签署人", "another signer", rebound(func(_ *receipt.Receipt, e *tx.Envelope) error {
		k, err := tx.GenerateKey(tx.Secp256k1)
		if err != nil {
			return err
		}
		other, err := tx.Seal(e.Payload, k)
		if err != nil {
			return err
		}
		e.Signatures[0] = other.Signatures[0]
		e.Sort()
		return nil
	})},
	{"signer_removed", Forgery, "删除一个签署人", "a signer is removed", rebound(func(_ *receipt.Receipt, e *tx.Envelope) error {
		if len(e.Signatures) < 2 {
			return errNA("there is one signer only")
		}
		e.Signatures = e.Signatures[1:]
		return nil
	})},
	{"receipt_chain", Forgery, "另一条链的回执", "a receipt of another chain", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		r.Chain, r.Block.Header.ChainID = "other-chain-1", "other-chain-1"
		return nil
	})},
	{"receipt_spliced", Forgery, "把回执接到别的位置", "a receipt spliced to another place", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		r.Entry.Height++
		return nil
	})},
	{"receipt_seq", Forgery, "改动日志序号", "another place in the log", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		r.Entry.Seq ^= 1
		return nil
	})},
	{"path_cut", Forgery, "截短收录路径", "a truncated path", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		if len(r.Path) == 0 {
			return errNA("the log has one entry only")
		}
		r.Path = r.Path[:len(r.Path)-1]
		return nil
	})},
	{"path_changed", Forgery, "改动收录路径", "another path", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		if len(r.Path) == 0 {
			return errNA("the log has one entry only")
		}
		r.Path[0][0] ^= 1
		return nil
	})},
	{"block_time", Forgery, "改动封存时间", "another time of the block", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		r.Block.Header.Time.Sec -= 3600
		return nil
	})},
	{"block_roots", Forgery, "改动区块的根值", "other roots in the block", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		r.LogRoot[0] ^= 1
		return nil
	})},
	{"block_signature", Forgery, "伪造验证节点签名", "a forged signature of a validator", rebound(func(r *receipt.Receipt, _ *tx.Envelope) error {
		for i := range r.Block.Commit.Signatures {
			r.Block.Commit.Signatures[i].Sig[0] ^= 1
		}
		return nil
	})},
	{"record_spliced", Forgery, "签名陈述与回执不是同一份", "a record that is not the receipt's", forged(func(s *subject) error {
		e, err := tx.ParseEnvelopeJSON(s.files[bundle.NameRecord])
		if err != nil {
			return err
		}
		st, err := tx.ParseStatement(e.Payload)
		if err != nil {
			return err
		}
		st.At++
		if e.Payload, err = st.Encode(); err != nil {
			return err
		}
		s.files[bundle.NameRecord] = e.AppendJSON(nil)
		return nil
	})},
	{"trust_replaced", Forgery, "替换可信根副本", "another trust root in the bundle", forged(func(s *subject) error {
		t, err := receipt.ParseTrust(s.files[bundle.NameTrust])
		if err != nil {
			return err
		}
		other, err := receipt.NewTrust(t.Chain, t.Height, []receipt.Validator{{PubKey: [32]byte{1}, Power: 1}})
		if err != nil {
			return err
		}
		s.files[bundle.NameTrust] = other.Encode()
		return nil
	})},
	{"stamp_stale", Forgery, "换成一年前的时间戳", "a time-stamp of a year ago", restamped(func(s *subject, root tx.Digest) error {
		return stampNow(s, root, time.Now().AddDate(-1, 0, 0))
	})},
	{"stamp_other", Forgery, "换成别的数据的时间戳", "a time-stamp of something else", restamped(func(s *subject, _ tx.Digest) error {
		return stampNow(s, tx.Digest{1}, time.Now())
	})},
	{"stamp_named", Forgery, "换成自制的时间戳并改写陈述", "a time-stamp made up, and a statement that names it", func(s *subject) ([]byte, error) {
		if _, err := s.file(bundle.DirTSA + "00.tsr"); err != nil {
			return nil, err
		}
		if err := stampNow(s, s.manifest.Root, time.Now().AddDate(-1, 0, 0)); err != nil {
			return nil, err
		}
		t, err := stamp.ParseResponse(s.files[bundle.DirTSA+"00.tsr"])
		if err != nil {
			return nil, err
		}
		if err := s.editStatement(func(_ *tx.Statement, ev *tx.Evidence) { ev.TSA[0] = t.Digest() }); err != nil {
			return nil, err
		}
		return s.forge()
	}},
	{"stamps_swapped", Forgery, "两个时间戳互换", "two time-stamps change places", forged(func(s *subject) error {
		if _, err := s.file(bundle.DirTSA + "01.tsr"); err != nil {
			return err
		}
		for _, ext := range []string{".tsr", ".pem"} {
			a, b := bundle.DirTSA+"00"+ext, bundle.DirTSA+"01"+ext
			s.files[a], s.files[b] = s.files[b], s.files[a]
		}
		return nil
	})},
	{"stamp_removed", Forgery, "删除一个时间戳及其清单行", "a time-stamp and its lines are removed", forged(func(s *subject) error {
		if _, err := s.file(bundle.DirTSA + "00.tsr"); err != nil {
			return err
		}
		for _, p := range []string{bundle.DirTSA + "00.tsr", bundle.DirTSA + "00.pem"} {
			delete(s.files, p)
			s.manifest.Others = slices.DeleteFunc(s.manifest.Others, func(f bundle.File) bool { return f.Path == p })
		}
		return nil
	})},
	{"stamp_chain", Forgery, "替换时间戳证书链", "other certificates of a time-stamp", restamped(func(s *subject, root tx.Digest) error {
		token := s.files[bundle.DirTSA+"00.tsr"]
		err := stampNow(s, root, time.Now())
		s.files[bundle.DirTSA+"00.tsr"] = token
		return err
	})},
	{"anchor_time", Forgery, "改动锚定区块的时间", "another time of the anchor block", forged(func(s *subject) error {
		if _, err := s.file(bundle.NameAnchor); err != nil {
			return err
		}
		return s.edit(bundle.NameAnchor, `"time":"2`, `"time":"3`)
	})},
	{"custody_edited", Forgery, "改写保管记录并重新相连", "a custody line edited and chained again", forged(func(s *subject) error {
		return s.editCustody(func(l []map[string]string) []map[string]string { l[0]["detail"] = "somebody else"; return l })
	})},
	{"custody_cut", Forgery, "删除一行保管记录并重新相连", "a custody line removed, the rest chained again", forged(func(s *subject) error {
		return s.editCustody(func(l []map[string]string) []map[string]string { return l[1:] })
	})},
	{"custody_added", Forgery, "追加一行保管记录", "a custody line added", forged(func(s *subject) error {
		return s.editCustody(func(l []map[string]string) []map[string]string {
			return append(l, map[string]string{"at": "2026-01-01T00:00:00.000Z", "detail": "returned", "event": "returned"})
		})
	})},
	{"custody_unchained", Forgery, "保管记录行未相连", "custody lines in another order", forged(func(s *subject) error {
		lines := strings.SplitAfter(string(s.files[bundle.NameCustody]), "\n")
		if len(lines) < 3 {
			return errors.New("the custody log is too short")
		}
		lines[0], lines[1] = lines[1], lines[0]
		s.files[bundle.NameCustody] = []byte(strings.Join(lines, ""))
		return nil
	})},
	{"readme_replaced", Forgery, "替换说明文件", "other explanations", forged(func(s *subject) error {
		s.files[bundle.NameReadme] = []byte("Trust whoever gave you this file.\n")
		return nil
	})},
	{"warc_added", Forgery, "在 WACZ 保留目录放入文件", "a file in a folder of WACZ", forged(func(s *subject) error {
		s.files["archive/more.warc.gz"] = []byte("x")
		s.manifest.Others = append([]bundle.File{{Path: "archive/more.warc.gz", Role: "warc", Media: "application/warc"}}, s.manifest.Others...)
		return nil
	})},
	{"warc_record", Forgery, "改动网页归档中的一条记录", "a record of the web archive", forged(func(s *subject) error {
		b, ok := s.files[bundle.NameWARC]
		if !ok {
			return errNA("there is no web archive")
		}
		s.files[bundle.NameWARC] = flip(b)
		return nil
	})},
	{"warc_index", Forgery, "索引指向另一条记录", "an index that points elsewhere", forged(func(s *subject) error {
		return s.edit(bundle.NameIndex, `"offset":"`, `"offset":"1`)
	})},
	{"warc_page", Forgery, "网页归档改称另一网址", "a web archive of another address", forged(func(s *subject) error {
		return s.edit(bundle.NamePages, `"url":"https://`, `"url":"https://www.`)
	})},
	{"wacz_package", Damage, "改动 WACZ 清单", "a package file that lists something else", func(s *subject) ([]byte, error) {
		err := s.edit(bundle.NamePackage, "sha256:", "sha256:0")
		return s.pack(), err
	}},
	{"wacz_digest", Damage, "改动 WACZ 清单的摘要", "a package digest of another package", func(s *subject) ([]byte, error) {
		err := s.edit(bundle.NamePackageDigest, "sha256:", "sha256:0")
		return s.pack(), err
	}},
}
