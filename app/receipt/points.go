package receipt

import "slices"

// An Outcome says in one word what a report comes to, for programs that branch on
// it. The verdict says whether to rely on it; the outcome says why, or why not.
type Outcome string

// The outcomes. NotFound and Pending are also what a gateway answers of its own
// ledger; offline there is no NotFound, because nothing was searched.
const (
	Consistent       Outcome = "CONSISTENT"
	Cautioned        Outcome = "CONSISTENT_WITH_WARNINGS"
	Partial          Outcome = "PARTIAL" // what was looked at agrees; something that belongs to it was not there to be looked at
	Superseded       Outcome = "SUPERSEDED"
	TimeUntrusted    Outcome = "TIMESTAMP_UNTRUSTED"
	Waiting          Outcome = "PENDING"
	QuorumNotMet     Outcome = "QUORUM_NOT_MET"
	KeyRevoked       Outcome = "SIGNER_KEY_REVOKED_BEFORE_SEAL"
	HashMismatch     Outcome = "HASH_MISMATCH"
	ForkDetected     Outcome = "FORK_DETECTED"
	Inconsistent     Outcome = "INCONSISTENT" // a proof or a signature does not hold
	Unsupported      Outcome = "UNSUPPORTED_VERSION"
	Malformed        Outcome = "MALFORMED"
	NotFound         Outcome = "NOT_FOUND"
	noOutcome        Outcome = ""
	articleOfAfter           = "在线诉讼规则 art. 16"
	articleOfProcess         = "在线诉讼规则 art. 17"
	articleOfBefore          = "在线诉讼规则 art. 18"
	articleOfSigning         = "电子签名法 art. 13"
)

// gravity orders outcomes: of those that the checks call for, the first here is
// the report's.
var gravity = []Outcome{Malformed, Unsupported, ForkDetected, HashMismatch, KeyRevoked, Waiting, QuorumNotMet, Inconsistent, Superseded, TimeUntrusted, Partial, Cautioned}

// OutcomeText puts an outcome into words.
func OutcomeText(o Outcome) Text {
	switch o {
	case Consistent:
		return Text{"核验一致", "consistent"}
	case Cautioned:
		return Text{"核验一致，但须注意", "consistent, with warnings"}
	case Partial:
		return Text{"所提供的部分核验一致", "consistent as far as it was given"}
	case Superseded:
		return Text{"核验一致，但其后已被撤回、替代或另有陈述", "consistent, but no longer the last word"}
	case TimeUntrusted:
		return Text{"核验一致，但时间戳不可信", "consistent, but no trusted time-stamp"}
	case Waiting:
		return Text{"等待会签", "waits for signatures"}
	case QuorumNotMet:
		return Text{"会签或验证节点签名不足", "signatures are missing"}
	case KeyRevoked:
		return Text{"签署密钥在封存前已失效", "a key was no longer valid when it signed"}
	case HashMismatch:
		return Text{"摘要不一致", "a digest does not agree"}
	case ForkDetected:
		return Text{"发现账本分叉", "the ledger was forked"}
	case Inconsistent:
		return Text{"证明不成立", "a proof does not hold"}
	case Unsupported:
		return Text{"版本不受支持", "of a version that this program does not read"}
	case Malformed:
		return Text{"格式有误", "malformed"}
	case NotFound:
		return Text{"未查到", "not found"}
	}
	return Text{string(o), string(o)}
}

// A Point is one of the fifteen questions of a court. Each check belongs to one;
// the checks answer it.
type Point struct {
	ID       string   `json:"id"` // V1 to V15
	Name     Text     `json:"name"`
	Article  string   `json:"article"`
	Result   Result   `json:"result"`   // the worst of its checks; SKIP when none of them could be made
	Checks   []string `json:"checks"`   // ids
	Sentence Text     `json:"sentence"` // why there is no check; empty when there is
}

// points is the table of questions, in their order. The sentence is for a document
// that has nothing to answer it with.
var points = []Point{
	{ID: "V1", Name: Text{"材料完整、格式安全", "complete and safe to read"}, Article: articleOfAfter},
	{ID: "V2", Name: Text{"每个文件的摘要", "digests of every file"}, Article: articleOfAfter},
	{ID: "V3", Name: Text{"清单根与上链陈述一致", "root of the manifest"}, Article: articleOfAfter,
		Sentence: Text{"不是证据包，没有清单。", "This is no bundle and has no manifest."}},
	{ID: "V4", Name: Text{"陈述为规范格式", "canonical statement"}, Article: articleOfAfter},
	{ID: "V5", Name: Text{"签署人的签名", "signatures"}, Article: articleOfSigning},
	{ID: "V6", Name: Text{"会签符合当时的规则", "co-signing rule of that height"}, Article: articleOfProcess},
	{ID: "V7", Name: Text{"账本收录", "inclusion in the ledger"}, Article: articleOfAfter},
	{ID: "V8", Name: Text{"外部见证人", "witnesses"}, Article: articleOfProcess},
	{ID: "V9", Name: Text{"三分之二以上验证节点签署", "more than two thirds of the validators"}, Article: articleOfProcess},
	{ID: "V10", Name: Text{"可信时间", "trusted time"}, Article: articleOfBefore,
		Sentence: Text{"不是证据包，没有时间戳；时间由区块证明。", "This is no bundle and brings no time-stamp; time is proven by the block."}},
	{ID: "V11", Name: Text{"签署时密钥有效", "keys valid when they signed"}, Article: articleOfSigning},
	{ID: "V12", Name: Text{"此后的变更", "what happened later"}, Article: articleOfAfter},
	{ID: "V13", Name: Text{"采集环境清洁", "clean environment"}, Article: articleOfBefore,
		Sentence: Text{"不是证据包，没有采集环境报告。", "This is no bundle and brings no report on the environment."}},
	{ID: "V14", Name: Text{"各记录互相印证", "records that agree"}, Article: articleOfBefore,
		Sentence: Text{"不是证据包，没有可互相印证的采集记录。", "This is no bundle and brings no records to compare."}},
	{ID: "V15", Name: Text{"保管过程", "custody"}, Article: articleOfBefore,
		Sentence: Text{"不是证据包，没有保管记录。", "This is no bundle and brings no custody log."}},
}

// Outcomes lists the outcomes, the gravest first.
func Outcomes() []Outcome { return append(slices.Clone(gravity), Consistent, NotFound) }

// Points returns the table of questions, unanswered.
func Points() []Point { return slices.Clone(points) }

// Answer fills Points and Outcome from Checks and Verdict.
func (r *Report) Answer() {
	r.Points = slices.Clone(points)
	for i := range r.Points {
		p := &r.Points[i]
		p.Result, p.Checks = Skip, []string{}
		for j := range r.Checks {
			if c := &r.Checks[j]; c.Point == p.ID {
				p.Checks = append(p.Checks, c.ID)
				p.Result = worse(p.Result, c.Result)
			}
		}
		if len(p.Checks) > 0 {
			p.Sentence = Text{}
		}
	}
	r.Outcome = Consistent
	switch r.Verdict {
	case NotVerified:
		r.Outcome = Inconsistent
	case Warned:
		r.Outcome = Cautioned
	}
	best := len(gravity)
	for i := range r.Checks {
		c := &r.Checks[i]
		if c.Outcome == noOutcome || r.Verdict == NotVerified && c.Result != Fail {
			continue
		}
		if at := slices.Index(gravity, c.Outcome); at >= 0 && at < best {
			best, r.Outcome = at, c.Outcome
		}
	}
}

// worse combines the results of the checks of one question: what failed counts
// before a warning, and what was not checked counts only where nothing was.
func worse(a, b Result) Result {
	for _, r := range []Result{Fail, Warn, Pass} {
		if a == r || b == r {
			return r
		}
	}
	return Skip
}

// rebuttals lists what evidence to the contrary would have to show. It is the same
// for every report on a statement of evidence, because it follows from what the
// ledger is, not from what was found.
func rebuttals(evidence bool) []Text {
	out := []Text{
		{"可信根有误：法院经独立渠道取得的验证节点公钥与本次所用的不同。", "The trust root is wrong: the keys of the validators that the court gets by a way of its own are others than those used here."},
		{"账本分叉：同一高度有另一区块，也由三分之二以上验证节点签署；出示两者即可证明。", "The ledger was forked: there is another block of the same height, signed by more than two thirds of the validators as well. Showing both proves it."},
		{"签署密钥在签署时已为他人掌握：例如此前的挂失记录、设备失窃的证据。", "A signing key was in other hands when it signed: an earlier report of loss, say, or proof that the device was stolen."},
		{"签署的机构与本案有利害关系，或对收集、存储有不当干预（第十七条第二项）：可比对各签署成员的身份。", "Those who signed have an interest in the case, or interfered with how it was collected or kept (art. 17 no. 2): look at who the signing members are."},
	}
	if evidence {
		out = append(out,
			Text{"原始来源不同：平台或第三方保存的同一时间的数据与所封存的文件不一致（第十八条）。", "The source says otherwise: data of the same time, kept by the platform or a third party, differs from the sealed files (art. 18)."},
			Text{"采集环境受到控制：域名解析、代理、主机文件、根证书或浏览器被改动，所见并非一般访客所见。", "The capture was steered: name resolution, a proxy, the hosts file, root certificates or the browser were changed, so that it saw what no ordinary visitor saw."},
			Text{"内容在采集前即已虚假：封存只证明其后未变，不证明其内容属实。", "What was captured was false before: the seal proves that it did not change since, not that it was true."},
		)
	}
	return out
}
