package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zhenglian/app/row"
	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node/index"
)

// Verify implements api.Ledger.
func (l *ledger) Verify(ctx context.Context, r api.VerifyRequest) (*api.Verification, error) {
	type question struct {
		name, value string
		answer      func(value string) (*api.Verification, error)
	}
	var asked *question
	for _, q := range []question{
		{"sha256", r.SHA256, func(s string) (*api.Verification, error) { return l.verifyFile(ctx, "sha256", s) }},
		{"sm3", r.SM3, func(s string) (*api.Verification, error) { return l.verifyFile(ctx, "sm3", s) }},
		{"id", r.ID, func(s string) (*api.Verification, error) { return l.verifyID(ctx, s) }},
		{"account", r.Account, func(s string) (*api.Verification, error) {
			a, err := tx.ParseAccountID(s)
			return l.verifyKey(row.AccountKey(a), err)
		}},
		{"member", r.Member, func(s string) (*api.Verification, error) {
			m := tx.MemberID(s)
			if !m.Valid() {
				return l.verifyKey(nil, errors.New("not a member id"))
			}
			return l.verifyKey(row.MemberKey(m), nil)
		}},
		{"key", r.Key, func(s string) (*api.Verification, error) {
			key, err := hex.DecodeString(s)
			if err == nil && (len(key) == 0 || len(key) > maxKey) {
				err = fmt.Errorf("a key has 1 to %d bytes", maxKey)
			}
			return l.verifyKey(key, err)
		}},
	} {
		if q.value == "" {
			continue
		}
		if asked != nil {
			return nil, badParameter("body", "ask for one thing at a time")
		}
		asked = &q
	}
	if asked == nil {
		return nil, badParameter("body", "ask for one of sha256, sm3, id, account, member, key")
	}
	v, err := asked.answer(asked.value)
	var bad badValue
	if errors.As(err, &bad) {
		return nil, badParameter("body."+asked.name, bad.Error())
	}
	return v, err
}

// maxKey bounds a key of the state tree in bytes, as receipts do.
const maxKey = 256

// badValue is the asker's mistake, as opposed to a failure to answer.
type badValue struct{ error }

// verifyFile looks for a file by digest.
func (l *ledger) verifyFile(ctx context.Context, algorithm, value string) (*api.Verification, error) {
	d, err := tx.ParseDigest(value)
	if err != nil || d.IsZero() {
		return nil, badValue{errors.New("want 64 lower-case hex digits, not all zero")}
	}
	q := index.Query{Limit: maxMatches, SHA256: d}
	if algorithm == "sm3" {
		q = index.Query{Limit: maxMatches, SM3: d}
	}
	data, more, st, err := l.search(ctx, q)
	if err != nil {
		return nil, err
	}
	v := &api.Verification{Height: st.Height, Matches: data, HasMore: more, Index: &st}
	if algorithm == "sha256" {
		if v.Items, err = l.itemsOf(ctx, d); err != nil {
			return nil, err
		}
	}
	if len(data) == 0 && len(v.Items) > 0 {
		return l.verifyItem(ctx, v, d)
	}
	if len(data) == 0 {
		v.Answer = sentence(
			fmt.Sprintf("本网关的索引截至高度 %d（日志共 %d 条）未收录此摘要。", st.Height, st.LogSize),
			fmt.Sprintf("This gateway's index does not hold this digest; it covers %d log entries, up to height %d.", st.LogSize, st.Height))
		v.NotProven = []api.Sentence{
			sentence("这不是不存在的证明：文件摘要不是状态树的键，索引也不在共识之内。可下载日志（/tile/entries/）自行核对。",
				"This is no proof of absence: file digests are no keys of the state tree, and the index is outside the consensus. Anyone can read the whole log (/tile/entries/) and see."),
			sentence("以默克尔根登记的文件（files_root，或摘要清单未交本网关的批次），不能用单个文件的摘要查到。",
				"A file that was registered under a Merkle root (files_root, or a batch whose list is not here) is not found by its own digest."),
			sentence("文件只要改动一个字节，摘要就不同；这里不能说明是否登记过相近的文件。",
				"A file that differs in one byte has another digest; nothing is said of similar files."),
		}
		return v, nil
	}
	v.Found = true
	v.Answer = sentence(
		fmt.Sprintf("账本上有 %s的陈述登记了此摘要，最新一条为第 %d 号日志。", count(len(data), more), data[0].Seq),
		fmt.Sprintf("The ledger holds %s with this digest; the newest is log entry %d.", statements(len(data), more), data[0].Seq))
	v.NotProven = []api.Sentence{
		sentence("证明力在回执，不在本答复：请用 zheng-verify 离线验证回执与文件。",
			"The receipt is the proof, not this answer: verify it and the file offline with zheng-verify."),
		sentence("登记证明该摘要在封存时间之前已经存在，不证明文件内容真实。",
			"Registration proves that the digest existed when it was sealed, not that the content is true."),
		sentence("列表来自索引，不证明没有其他相关陈述。",
			"The list comes from an index; it is no proof that there are no other statements."),
	}
	return v, l.addReceipt(ctx, v, data[0].ID, data[0].Seq)
}

// itemsOf finds the batches that hold a digest, newest first.
func (l *ledger) itemsOf(ctx context.Context, d tx.Digest) (items []api.BatchItem, err error) {
	hits, err := l.index.Lookup(ctx, false, []tx.Digest{d})
	if err != nil {
		return nil, err
	}
	for _, x := range slices.Backward(hits[0].Items) {
		if len(items) == maxMatches {
			break
		}
		e, err := l.evidence(l.chain.Store().View(), x.Seq)
		if err != nil {
			return nil, err
		}
		items = append(items, api.BatchItem{ID: e.ID, Seq: x.Seq, Place: x.Place, ReceiptURL: e.ReceiptURL + "?item=" + d.String()})
	}
	return items, nil
}

// verifyItem answers for a digest that only batches hold.
func (l *ledger) verifyItem(ctx context.Context, v *api.Verification, d tx.Digest) (_ *api.Verification, err error) {
	x := v.Items[0]
	v.Found, v.ID = true, x.ID
	v.Answer = sentence(
		fmt.Sprintf("账本上第 %d 号日志的批次登记了此摘要，为其第 %d 项（从 0 数起）。", x.Seq, x.Place),
		fmt.Sprintf("The batch of log entry %d holds this digest as item %d, counted from 0.", x.Seq, x.Place))
	v.NotProven = []api.Sentence{
		sentence("证明力在回执，不在本答复：请用 zheng-verify 离线验证回执与文件。",
			"The receipt is the proof, not this answer: verify it and the file offline with zheng-verify."),
		sentence("登记证明该摘要在封存时间之前已经存在，不证明文件内容真实。",
			"Registration proves that the digest existed when it was sealed, not that the content is true."),
	}
	v.Receipt, err = l.receipt(ctx, x.ID, x.Seq, api.ReceiptOptions{Item: d})
	return v, err
}

// verifyID looks for a statement by id.
func (l *ledger) verifyID(ctx context.Context, value string) (*api.Verification, error) {
	id, err := tx.ParseID(value)
	if err != nil {
		return nil, badValue{errors.New("want 64 lower-case hex digits")}
	}
	view := l.chain.Store().View()
	height := view.Head().Height
	seq, known, err := l.find(id)
	if err != nil {
		return nil, err
	}
	v := &api.Verification{Height: height, Found: known}
	if !known {
		v.Answer = sentence(
			fmt.Sprintf("截至高度 %d，本网关的账本副本中没有此编号的陈述。", height),
			fmt.Sprintf("This gateway's copy of the ledger holds no statement with this id, as of height %d.", height))
		v.NotProven = []api.Sentence{
			sentence("这不是不存在的证明：陈述编号不是状态树的键。可下载日志（/tile/entries/）自行核对。",
				"This is no proof of absence: statement ids are no keys of the state tree. Anyone can read the whole log (/tile/entries/) and see."),
			sentence("刚提交的陈述可能尚未进入区块。",
				"A statement that was just submitted may not be in a block yet."),
		}
		return v, nil
	}
	v.Answer = sentence(
		fmt.Sprintf("此陈述是账本第 %d 号日志。", seq),
		fmt.Sprintf("The statement is log entry %d of the ledger.", seq))
	v.NotProven = []api.Sentence{
		sentence("证明力在回执，不在本答复：请用 zheng-verify 离线验证。",
			"The receipt is the proof, not this answer: verify it offline with zheng-verify."),
		sentence("登记不证明陈述内容真实。",
			"Registration does not prove that what the statement says is true."),
	}
	if e, err := l.evidence(view, seq); err == nil {
		v.Matches = []api.Evidence{e}
	}
	return v, l.addReceipt(ctx, v, id, seq)
}

// addReceipt adds a statement's receipt as of now, so that whoever asks whether
// something holds sees also what became of it.
func (l *ledger) addReceipt(ctx context.Context, v *api.Verification, id tx.ID, seq uint64) (err error) {
	v.ID = id
	v.Receipt, err = l.receipt(ctx, id, seq, api.ReceiptOptions{})
	return err
}

// verifyKey proves a row of the state, or its absence; bad is what was wrong
// with the key.
func (l *ledger) verifyKey(key []byte, bad error) (*api.Verification, error) {
	if bad == nil && row.IsRoutingTagKey(key) {
		bad = errors.New("a routing hint is looked up by a routing.read")
	}
	if bad != nil {
		return nil, badValue{bad}
	}
	p, err := l.receipts.state(key)
	if errors.Is(err, errNoProof) {
		return nil, retryLater(api.CodeNotReady, 1)
	}
	if err != nil {
		return nil, err
	}
	proof, err := p.EncodeJSON()
	if err != nil {
		return nil, err
	}
	v := &api.Verification{Found: p.Row.Value != nil, Height: p.Height, Value: json.RawMessage(p.Row.Value), Proof: proof}
	if v.Found {
		v.Answer = sentence(
			fmt.Sprintf("在高度 %d 之后的账本状态中有此项，附存在证明。", p.Height),
			fmt.Sprintf("The state after height %d holds this row; the proof is attached.", p.Height))
	} else {
		v.Answer = sentence(
			fmt.Sprintf("在高度 %d 之后的账本状态中没有此项，附不存在证明。", p.Height),
			fmt.Sprintf("The state after height %d holds no such row; a proof of its absence is attached.", p.Height))
	}
	v.NotProven = []api.Sentence{
		sentence("只说明该高度，不说明更早或更晚。", "It speaks of that height only, not of earlier or later ones."),
		sentence("证明须离线验证后方可信赖。", "The proof is worth something once it has been verified offline."),
	}
	return v, nil
}

func sentence(zh, en string) api.Sentence { return api.Sentence{ZH: zh, EN: en} }

func count(n int, more bool) string {
	if more {
		return fmt.Sprintf("至少 %d 条", n)
	}
	return fmt.Sprintf("%d 条", n)
}

func statements(n int, more bool) string {
	switch {
	case more:
		return fmt.Sprintf("at least %d statements", n)
	case n == 1:
		return "one statement"
	}
	return fmt.Sprintf("%d statements", n)
}
