package tx

import (
	"errors"
	"fmt"
)

// A Code numbers a reason for refusing something. Codes are append-only: a
// number is never reused and never changes its meaning, because it is hashed
// into block results and printed in judgments. Zero means accepted.
//
// Ranges: 1–99 form of an envelope or statement, 100–199 signatures and
// accounts, 200–299 rules, 300–399 bodies, 400–419 deadlines and calendars, 420–469 lists, 470–489 shares and founding,
// 500–509 codes of units, 510–539 traceability, 540–559 inspection, 900–999 the node.
type Code uint32

// The codes. A test compares the table in app/README.md with codeTable below.
const (
	CodeOK Code = 0

	CodeEnvelope     Code = 1  // envelope bytes are not a strict DSSE envelope
	CodeTooLarge     Code = 2  // envelope or statement over its size limit
	CodePayloadType  Code = 3  // DSSE payload type is not ours
	CodeSigCount     Code = 4  // no signature, or more than MaxSignatures
	CodeSigOrder     Code = 5  // signatures not in ascending order of keyid, or a keyid twice
	CodeCanonical    Code = 10 // JSON is not RFC 8785 canonical
	CodeSyntax       Code = 11 // not JSON
	CodeUnknown      Code = 12 // unknown member of an object
	CodeDuplicate    Code = 13 // the same member twice
	CodeMissing      Code = 14 // required member absent
	CodeType         Code = 15 // wrong JSON type or form of a value
	CodeLimit        Code = 16 // value outside its stated bounds
	CodeDepth        Code = 17 // nested too deeply
	CodeUnicode      Code = 18 // not UTF-8, or not in NFC
	CodeVersion      Code = 20 // unknown statement version
	CodeUnknownKind  Code = 21 // unknown kind of statement
	CodeMalformedKey Code = 22 // public key or key file is not well formed

	CodeSignature      Code = 100 // a signature does not verify
	CodeHighS          Code = 101 // ECDSA signature with s in the upper half of the group order
	CodeUnknownAccount Code = 102 // no such account on the ledger
	CodeAccountExpired Code = 103 // account not valid at this height
	CodeAccountRevoked Code = 104 // account revoked at or before this height
	CodeUnknownMember  Code = 105 // no such member, or it is suspended
	CodeNotIssuer      Code = 106 // nobody of the stating member has signed
	CodeSameMember     Code = 107 // a member counted twice

	CodeAccountFrozen Code = 108 // account frozen by the other members
	CodeNotAdmin      Code = 109 // governance is signed by accounts in the role admin

	CodeChain        Code = 200 // statement is for another chain
	CodeExpired      Code = 201 // the height is past the statement's expires
	CodeExpiresFar   Code = 202 // expires lies further ahead than the chain allows
	CodeFuture       Code = 203 // the claimed time lies too far ahead of block time
	CodeKnown        Code = 204 // the ledger already holds this statement
	CodeStalePrev    Code = 205 // prev is not the head of its matter
	CodeUnknownPrev  Code = 206 // prev names no statement of the ledger
	CodeState        Code = 207 // the matter's state does not allow this kind of statement
	CodePolicy       Code = 208 // signatures can never satisfy the policy
	CodeNotParty     Code = 209 // this member may not make this statement in this matter
	CodeAnchor       Code = 210 // the anchor names no recent block of this chain
	CodeTarget       Code = 211 // the statement named in the body does not exist or is of the wrong kind
	CodeEndorsed     Code = 212 // this member has already endorsed the statement
	CodeEndorseLimit Code = 213 // the statement already carries the most endorsements it may
	CodeWaiting      Code = 214 // another statement that continues this matter is waiting for signatures
	CodeSettled      Code = 215 // the statement is no longer waiting and this endorsement adds nothing

	CodeFamily        Code = 216 // prev is a matter of another family
	CodeExpr          Code = 217 // policy expression is not well formed, or may not be here
	CodeHeight        Code = 218 // a height of the body lies on the wrong side of now
	CodeExists        Code = 219 // what is to be registered exists already
	CodeNoMember      Code = 220 // member named in the body does not exist or is not in that standing
	CodeNoAccount     Code = 221 // account named in the body is none of that member's, or not in that standing
	CodeNoValidator   Code = 222 // validator named in the body does not exist or is not in that stage
	CodeUngovernable  Code = 223 // nobody could govern afterwards
	CodeFull          Code = 224 // there is no room for another
	CodeCity          Code = 225 // the division has another regulator
	CodeNothing       Code = 226 // it would change nothing
	CodeLastValidator Code = 227 // no validator would be left
	CodeProtocol      Code = 228 // protocol version is older than the one in force

	CodeBody         Code = 300 // members of the body contradict each other
	CodeUnknownTag   Code = 301 // a code of the body is not in its table
	CodeUSCC         Code = 302 // not a unified social credit code
	CodeDivisionCode Code = 303 // not a division code

	CodeEpochKeeper    Code = 460 // only a regulator keeps the keys of lists
	CodeEpochNumber    Code = 461 // epochs of a list are numbered without gaps
	CodeNoEpoch        Code = 462 // no such epoch of the list
	CodeEpochWithdrawn Code = 463 // the epoch's key was withdrawn
	CodeEpochHolder    Code = 464 // the member holds no copy of the epoch's key
	CodeEpochSeal      Code = 465 // nothing can be sealed to a key of this type
	CodeEpochInactive  Code = 466 // the tag is of an epoch of the list that is over
	CodeEpochAhead     Code = 467 // the tag is of an epoch that the list has not begun
	CodeRetagEntry     Code = 468 // no entry of the list that the stating member proposed and that has not ended
	CodeRetagTag       Code = 469 // the entry has another tag, or one of this epoch already

	CodeDeadline    Code = 400 // a deadline contradicts itself
	CodeCalendarDay Code = 401 // a day that the calendar cannot list
	CodeEffective   Code = 402 // a rule set that would begin today or earlier
	CodeYearPassed  Code = 403 // the calendar of a year that is over
	CodeDayPassed   Code = 404 // a calendar that would change today or a day before
	CodeNoClock     Code = 405 // the stating member has no such clock in the matter that has not been stopped
	CodeClockState  Code = 406 // a pause of what does not run, or a resumption of what is not paused
	CodeClockOver   Code = 407 // the clock's last day is over
	CodeClockPause  Code = 408 // the clock's rule set does not let it stand still on this ground
	CodeClockExtend Code = 409 // the clock's rule set allows no extension, or it was extended in this round

	CodeStatutory     Code = 420 // a list is presented as statutory that is not, or the other way round
	CodeListUSCC      Code = 421 // a credit code beside a tag of a list that is not published by law
	CodeListReason    Code = 422 // the reason is none of this list's
	CodeListMeasure   Code = 423 // the measure is none of this list's
	CodeListBasis     Code = 424 // an entry of serious_dishonest without its penalty
	CodeListLaw       Code = 425 // the law cited is none of the list's rule
	CodeNotLister     Code = 426 // the stating member's roles do not allow it to use this list
	CodeListEvidence  Code = 427 // evidence cited is no evidence.seal that stands
	CodeSubjectFull   Code = 428 // the subject has the most entries in force that it may have
	CodeListDate      Code = 429 // a date of what happened lies in the future or too far back
	CodeRespondBy     Code = 430 // respond_by is before the LIST_DEFENCE deadline from service, or more than 90 days after it
	CodeSameOfficer   Code = 431 // somebody who signed the proposal signs its legal review
	CodeNotSuperior   Code = 432 // list.consent by somebody else than the origin's superior
	CodeNoConsent     Code = 433 // a decision before the consent that the list's rule asks for
	CodeWrongDecision Code = 434 // the kind of decision is another list's
	CodeTerm          Code = 435 // severity has no term on this list, or from, repair_from and until are outside it
	CodeNotYet        Code = 436 // publication before the first day
	CodeRepairEarly   Code = 437 // list.repair before repair_from
	CodeResponseOpen  Code = 438 // waived for no response before respond_by has passed
	CodeListEnded     Code = 439 // the entry's until has come
	CodeNotReviewBody Code = 440 // a stay, its end or a revocation by somebody else
	CodeNoConsumer    Code = 441 // an acknowledgement by, or release of, who is no consumer; or enrolment of who is one
	CodeAckOrder      Code = 442 // through is not after what the consumer has acknowledged
	CodeAckFuture     Code = 443 // through is after the newest notice
	CodeRevokeDate    Code = 444 // since is after today
	CodeRoutingOff    Code = 450 // the module of complainant routing tags is off
	CodeRoutingTerm   Code = 451 // until is not within 12 months
	CodeRoutingExists Code = 452 // one hint about a tag at a time
	CodeRoutingBasis  Code = 453 // a statement rests on a routing hint
	CodeNotRegulator  Code = 454 // who is no regulator

	CodeShare    Code = 470 // the member has as much waiting for a block as is its share
	CodeFounding Code = 471 // founding terms or part not well formed
	CodeTerms    Code = 472 // part made for other terms
	CodeFounder  Code = 473 // founders of the terms and of the parts differ
	CodeUnsigned Code = 474 // a key of the part has not signed it

	CodeUnitCode   Code = 500 // not a code of a unit or product
	CodeCheckDigit Code = 501 // check digit of a code is wrong
	CodePlace      Code = 502 // not a place code

	CodeNoUnit       Code = 510 // no such unit
	CodeUnitExists   Code = 511 // the code is taken by another unit
	CodeUnitState    Code = 512 // the unit's state does not allow this
	CodeNotCustodian Code = 513 // the member does not hold the unit
	CodeInside       Code = 514 // the unit is inside another, or is not in the one named
	CodeRecalled     Code = 515 // the unit, or one inside it, is recalled
	CodeNoProduct    Code = 516 // the product is not declared
	CodeNotMaker     Code = 517 // the product is another member's
	CodeQuantity     Code = 518 // more than is left of the unit
	CodeYield        Code = 519 // more than the product's yield allows
	CodeOverHarvest  Code = 520 // more than was harvested
	CodeNoHarvest    Code = 521 // no such harvest of this member
	CodeContainer    Code = 522 // the container is not empty
	CodeNesting      Code = 523 // containers nest too deeply
	CodeNoRecall     Code = 530 // no such recall
	CodeNotInScope   Code = 531 // the unit is not in the recall's scope, or is dealt with
	CodeNotFrozen    Code = 532 // the recall's scope is not frozen yet
	CodeNotHolder    Code = 533 // the member holds nothing that is recalled, or has answered
	CodeRecaller     Code = 534 // the member may not recall this unit

	CodeNotLab       Code = 540 // no laboratory, or one that may not test this
	CodeOtherProduct Code = 541 // the unit is not of the product that is to be sampled
	CodeInspectDate  Code = 542 // a date of what happened lies in the future, or too far back
	CodeNoRetest     Code = 543 // the member may not ask for a retest, or has given it up
	CodeRetestLate   Code = 544 // the term for asking is over
	CodeRetestOpen   Code = 545 // a party may still ask for a retest
	CodeNotConfirmed Code = 546 // no such inspection, or its failure is not final
	CodeNotPlatform  Code = 547 // no platform, or not in good standing
	CodeOrderOpen    Code = 548 // an order to a platform is open

	CodeInternal Code = 900 // a defect of the node; the statement is not at fault
)

type codeRow struct {
	code Code
	name string // stable machine name, used as `code` in REST problems
	text string // what failed, lower case
	hint string // what to do next
	zh   string // the same for people who read Chinese
}

// codeTable is in ascending order of code.
var codeTable = []codeRow{
	{CodeEnvelope, "ENVELOPE", "not a strict DSSE envelope", "encode the envelope as app/README.md §2 says, without unknown or repeated fields", "信封格式不符合 DSSE 规定，请按协议重新编码"},
	{CodeTooLarge, "TOO_LARGE", "over the size limit", "put the content into a blob or under a Merkle root and state its digest", "超过大小上限，请把内容存为文件，只声明其摘要"},
	{CodePayloadType, "PAYLOAD_TYPE", "wrong DSSE payload type", "use " + PayloadType, "载荷类型不正确"},
	{CodeSigCount, "SIGNATURE_COUNT", "wrong number of signatures", "send 1 to 64 signatures", "签名数量应为 1 至 64"},
	{CodeSigOrder, "SIGNATURE_ORDER", "signatures out of order or repeated", "sort the signatures by keyid and send each account once", "签名须按账户号升序排列且不得重复"},
	{CodeCanonical, "NOT_CANONICAL", "not canonical JSON", "encode the statement by RFC 8785 (JCS) before signing", "陈述不是规范 JSON（RFC 8785），请规范化后再签名"},
	{CodeSyntax, "SYNTAX", "not JSON", "send well-formed JSON", "不是合法的 JSON"},
	{CodeUnknown, "UNKNOWN_MEMBER", "unknown member", "remove members that the kind does not define", "含有未定义的字段"},
	{CodeDuplicate, "DUPLICATE_MEMBER", "duplicate member", "state each member once", "字段重复"},
	{CodeMissing, "MISSING_MEMBER", "required member absent", "add the member", "缺少必填字段"},
	{CodeType, "TYPE", "wrong type or form", "see the kind's table in app/README.md", "字段类型或格式不正确"},
	{CodeLimit, "LIMIT", "outside the stated bounds", "see the kind's table in app/README.md", "字段取值超出范围"},
	{CodeDepth, "DEPTH", "nested too deeply", "statements nest at most 8 levels", "嵌套层数过多"},
	{CodeUnicode, "UNICODE", "not UTF-8 in NFC", "normalise text to Unicode NFC", "文本不是 NFC 规范的 UTF-8"},
	{CodeVersion, "VERSION", "unknown statement version", "this chain reads version 1", "陈述版本未知"},
	{CodeUnknownKind, "UNKNOWN_KIND", "unknown kind of statement", "see the kinds in app/README.md", "陈述种类未知"},
	{CodeMalformedKey, "MALFORMED_KEY", "malformed key", "check the key file or the public key's encoding", "密钥格式不正确"},
	{CodeSignature, "SIGNATURE", "signature does not verify", "sign SHA-256 of the DSSE pre-authentication encoding with the account's key", "签名验证不通过"},
	{CodeHighS, "HIGH_S", "signature with high s", "replace s by n − s", "签名的 s 值未取低半区"},
	{CodeUnknownAccount, "UNKNOWN_ACCOUNT", "unknown account", "ask your member's administrator to register the key", "账户未登记"},
	{CodeAccountExpired, "ACCOUNT_NOT_VALID", "account not valid at this height", "use an account that is in force", "账户在该高度不在有效期内"},
	{CodeAccountRevoked, "ACCOUNT_REVOKED", "account revoked", "use another account of your member", "账户已被撤销"},
	{CodeUnknownMember, "UNKNOWN_MEMBER_ID", "unknown or suspended member", "check the member id", "成员不存在或已被中止"},
	{CodeNotIssuer, "NOT_ISSUER", "no signature by the stating member", "an account of the member named in the statement must sign it", "缺少陈述成员自己的签名"},
	{CodeSameMember, "SAME_MEMBER", "one member counted twice", "the co-signature must come from another member", "同一成员不得重复计数"},
	{CodeAccountFrozen, "ACCOUNT_FROZEN", "account frozen", "use another account of your member, or ask the others to thaw it", "账户已被其他成员冻结"},
	{CodeNotAdmin, "NOT_ADMIN", "signed by an account that is no admin", "sign governance with an account in the role admin", "治理事项须由管理员账户签署"},
	{CodeChain, "WRONG_CHAIN", "statement is for another chain", "sign it again with this chain's id", "陈述属于另一条链"},
	{CodeExpired, "EXPIRED", "statement expired", "sign it again with a later expires", "陈述已超过可上链的最后高度"},
	{CodeExpiresFar, "EXPIRES_TOO_FAR", "expires too far ahead", "choose an earlier expires", "有效高度过远"},
	{CodeFuture, "CLAIMED_FUTURE", "claimed time lies in the future", "check your clock", "声明时间晚于区块时间过多，请校准时钟"},
	{CodeKnown, "ALREADY_KNOWN", "statement already on the ledger", "look it up by its id", "该陈述已在账本上，可按编号查询"},
	{CodeStalePrev, "STALE_PREV", "prev is not the head of its matter", "read the matter again and continue from its head", "事项已有更新，请基于最新陈述重新签署"},
	{CodeUnknownPrev, "UNKNOWN_PREV", "prev names no statement", "check the id in prev", "前序陈述不存在"},
	{CodeState, "STATE", "not allowed in the matter's state", "see the transition table in app/README.md", "事项当前状态不允许此操作"},
	{CodePolicy, "POLICY", "policy cannot be satisfied", "see which signatures the policy asks for", "签名无法满足会签规则"},
	{CodeNotParty, "NOT_PARTY", "member may not state this in this matter", "only the members named in the transition table may", "该成员无权在此事项中作此陈述"},
	{CodeAnchor, "ANCHOR", "anchor names no recent block", "take the anchor from the gateway's /v1/checkpoint", "锚定区块不属于本链的近期区块"},
	{CodeTarget, "TARGET", "named statement missing or of the wrong kind", "check the id in the body", "所引用的陈述不存在或种类不符"},
	{CodeEndorsed, "ALREADY_ENDORSED", "member has already endorsed this statement", "nothing to do", "该成员已会签"},
	{CodeEndorseLimit, "ENDORSE_LIMIT", "endorsement limit reached", "a statement carries at most 64 endorsements", "会签数量已达上限"},
	{CodeWaiting, "WAITING", "another statement of this matter waits for signatures", "endorse or wait for the earlier one", "该事项已有待会签的陈述"},
	{CodeSettled, "SETTLED", "statement is settled", "nothing to endorse", "该陈述已定，无需会签"},
	{CodeFamily, "OTHER_FAMILY", "prev is a matter of another family", "continue it with a kind of its own family", "前序陈述属于另一类事项"},
	{CodeExpr, "EXPRESSION", "policy expression not well formed, or not allowed here", "see the policy language in app/README.md", "会签规则表达式不正确或不适用"},
	{CodeHeight, "HEIGHT", "height on the wrong side of now", "see the kind's paragraph in app/README.md", "高度取值不当"},
	{CodeExists, "EXISTS", "already registered", "choose another, or change the one there is", "已登记，不得重复"},
	{CodeNoMember, "NO_MEMBER", "no such member, or not in that standing", "look up the member", "成员不存在或状态不符"},
	{CodeNoAccount, "NO_ACCOUNT", "no such account, or not in that standing", "look up the account", "账户不存在或状态不符"},
	{CodeNoValidator, "NO_VALIDATOR", "no such validator, or not in that stage", "look up the validator", "验证节点不存在或阶段不符"},
	{CodeUngovernable, "UNGOVERNABLE", "nobody could govern afterwards", "leave enough admins for every policy of governance", "此变更后将无人能够治理"},
	{CodeFull, "FULL", "no room for another", "remove one first", "数量已达上限"},
	{CodeCity, "CITY_TAKEN", "the division has another regulator", "a division has one regulator", "该区划已有监管成员"},
	{CodeNothing, "NO_CHANGE", "would change nothing", "nothing to do", "无任何变更"},
	{CodeLastValidator, "LAST_VALIDATOR", "no validator would be left", "add another validator first", "不得移除最后的验证节点"},
	{CodeProtocol, "PROTOCOL_VERSION", "protocol version older than the one in force", "versions only grow", "协议版本不得回退"},
	{CodeBody, "BODY", "members of the body contradict each other", "see the kind's table in app/README.md", "内容字段互相矛盾"},
	{CodeUnknownTag, "UNKNOWN_CODE", "code not in its table", "see the kind's table in app/README.md", "代码不在代码表中"},
	{CodeUSCC, "USCC", "not a unified social credit code", "check the 18 characters; the last one is a check character (GB 32100-2015)", "统一社会信用代码不正确"},
	{CodeDivisionCode, "DIVISION", "not a division code", "state 6 digits of GB/T 2260", "行政区划代码不正确"},
	{CodeDeadline, "DEADLINE", "deadline contradicts itself", "see gov.ruleset in app/README.md", "时限内容自相矛盾"},
	{CodeCalendarDay, "CALENDAR_DAY", "day that the calendar cannot list", "list holidays of the year, and Saturdays and Sundays that are worked", "日期不能列入该日历"},
	{CodeEffective, "EFFECTIVE", "rule set would begin today or earlier", "state a later date of effect", "规则集的施行日期必须晚于今日"},
	{CodeYearPassed, "YEAR_PASSED", "calendar of a year that is over", "state this year's calendar or a later one", "该年度已过"},
	{CodeDayPassed, "DAY_PASSED", "calendar would change today or a day that has passed", "change later days only", "不能更改今日及以前的日历"},
	{CodeNoClock, "NO_CLOCK", "member has no such clock in the matter", "look up the clocks of the matter: zheng clock list --matter", "该成员在该事项中没有此未结时限"},
	{CodeClockState, "CLOCK_STATE", "clock not in the state for this", "pause what runs, resume what is paused", "该时限当前状态不允许此操作"},
	{CodeClockOver, "CLOCK_OVER", "clock's last day is over", "do what is owed; time that is over does not come back", "该时限已逾期"},
	{CodeClockPause, "CLOCK_PAUSE", "rule set knows no such pause", "see the pauses of the deadline in the clock's rule set", "该时限所依规则集不允许以此理由中止"},
	{CodeClockExtend, "CLOCK_EXTEND", "not extendable, or extended already", "see the deadline in the clock's rule set: once a round", "该时限不可延长或已延长过"},
	{CodeStatutory, "STATUTORY", "the statutory flag is not the list's", "only lists with a basis in law are statutory: state the list's own flag", "法定名单标志与名单不符：非法定名单不得以法定名单名义出现"},
	{CodeListUSCC, "LIST_USCC", "credit code on a list that no law publishes", "state the tag alone", "该名单并非依法公示，不得列明统一社会信用代码"},
	{CodeListReason, "LIST_REASON", "reason of another list", "see the list's reasons in app/README.md", "该事由不属于此名单"},
	{CodeListMeasure, "LIST_MEASURE", "measure that the list does not allow", "see the list's measures in app/README.md", "该名单不得采取此项措施"},
	{CodeListBasis, "LIST_BASIS", "no penalty that the entry rests on", "state the digest of the penalty decision", "缺少所依据的行政处罚决定"},
	{CodeListLaw, "LIST_LAW", "law that the list's rule does not name", "cite a law of the list's rule, or have it added by gov.list", "所引法律依据不在该名单的规则之内"},
	{CodeNotLister, "NOT_LISTER", "member may not propose to this list", "regulators propose; to industry_notice departments too", "该成员无权向此名单提出列入"},
	{CodeListEvidence, "LIST_EVIDENCE", "evidence missing, or it does not stand", "name evidence.seal statements that stand", "所引证据不存在或已不成立"},
	{CodeSubjectFull, "SUBJECT_FULL", "too many entries about one subject", "revoke or repair one first", "同一主体在此名单的有效记录已达上限"},
	{CodeListDate, "LIST_DATE", "date out of range", "see the kind's paragraph in app/README.md", "日期超出允许范围"},
	{CodeRespondBy, "RESPOND_BY", "time for a response too short or too long", "give the days that the rule set says, and at most 90", "答辩期限过短或过长"},
	{CodeSameOfficer, "SAME_OFFICER", "reviewed by who proposed it", "another officer reviews it", "法制审核须由提出人以外的人员进行"},
	{CodeNotSuperior, "NOT_SUPERIOR", "not the superior of the proposing member", "the superior consents", "须由提出机关的上级机关同意"},
	{CodeNoConsent, "NO_CONSENT", "superior's consent is missing", "ask the superior for list.consent", "尚未取得上级机关同意"},
	{CodeWrongDecision, "WRONG_DECISION", "decided in another list's way", "statutory lists by list.decide, industry_notice by list.resolve, negative_index by list.agree", "该名单须以另一种方式作出决定"},
	{CodeTerm, "TERM", "term outside the list's rule", "see the list's minimum and maximum by severity", "期限超出该名单规则的上下限"},
	{CodeNotYet, "NOT_YET", "the entry's first day has not come", "publish it on its first day or later", "尚未到列入起始日"},
	{CodeRepairEarly, "REPAIR_EARLY", "repair applied for too early", "wait for the entry's repair_from", "尚未到可申请信用修复之日"},
	{CodeResponseOpen, "RESPONSE_OPEN", "the party may still respond", "wait until respond_by has passed", "答辩期限尚未届满"},
	{CodeListEnded, "LIST_ENDED", "the entry's term has ended", "nothing to do", "列入期限已届满"},
	{CodeNotReviewBody, "NOT_REVIEW_BODY", "neither court, superior nor the proposing member", "a court, the superior or the proposing member may", "仅法院、上级机关或列入机关可作出"},
	{CodeNoConsumer, "NO_CONSUMER", "no consumer of this list, or not in that standing", "look up the consumers of the list", "并非该名单的使用方，或状态不符"},
	{CodeAckOrder, "ACK_ORDER", "acknowledged already", "name a later notice", "该通知已确认"},
	{CodeAckFuture, "ACK_FUTURE", "no such notice yet", "name a notice that there is", "该通知尚不存在"},
	{CodeRevokeDate, "REVOKE_DATE", "ground of the revocation lies in the future", "state the day on which the ground arose", "撤销事由发生日期不当"},
	{CodeRoutingOff, "ROUTING_OFF", "routing hints are switched off", "they are off until gov.routing switches them on", "投诉分流标签功能未启用"},
	{CodeRoutingTerm, "ROUTING_TERM", "hint would last too long, or has ended", "choose a date within 12 months", "标签有效期不得超过十二个月"},
	{CodeRoutingExists, "ROUTING_EXISTS", "a hint about this tag is in force", "remove it first, or let it end", "该标签已有有效记录"},
	{CodeRoutingBasis, "ROUTING_BASIS", "routing hint as a reason", "a hint only routes: rest on evidence", "分流标签不得作为任何处理的依据"},
	{CodeNotRegulator, "NOT_REGULATOR", "not a regulator", "regulators state this", "须由监管机关作出"},
	{CodeEpochKeeper, "EPOCH_KEEPER", "only a regulator keeps the keys of lists", "a regulator of the consortium must state it", "仅监管成员可管理名单密钥"},
	{CodeEpochNumber, "EPOCH_NUMBER", "epochs are numbered without gaps", "open the next epoch of the list", "密钥期须连续编号"},
	{CodeNoEpoch, "NO_EPOCH", "no such epoch of the list", "look up the list's epochs", "该名单无此密钥期"},
	{CodeEpochWithdrawn, "EPOCH_WITHDRAWN", "the epoch's key was withdrawn", "use the active epoch, and destroy copies of this one", "该期密钥已撤回，请使用现行密钥并销毁旧副本"},
	{CodeEpochHolder, "EPOCH_HOLDER", "the member holds no copy of the epoch's key", "a member with a copy hands out others; who opens an epoch keeps one", "本成员未持有该期密钥副本"},
	{CodeEpochSeal, "EPOCH_SEAL", "nothing can be sealed to a key of this type", "name a secp256k1 or sm2 account of the member", "该类型密钥仅能签名，请改用该成员的 secp256k1 或 sm2 账户"},
	{CodeEpochInactive, "EPOCH_INACTIVE", "tag of an epoch that is over", "make the tag anew with the key of the list's active epoch; of an entry that is there: list.retag", "标签所属密钥期已结束"},
	{CodeEpochAhead, "EPOCH_AHEAD", "tag of an epoch that has not begun", "use the key of the list's active epoch", "标签所属密钥期尚未开始"},
	{CodeRetagEntry, "RETAG_ENTRY", "not an entry of this member that can be tagged anew", "name list.propose statements of the list that your member made and that have not ended", "不是本成员可更换标签的名单记录"},
	{CodeRetagTag, "RETAG_TAG", "entry has another tag, or one of this epoch already", "look the entry up", "记录的现有标签不符，或已是本期标签"},
	{CodeShare, "SHARE_USED", "member's share of the waiting room is used up", "send it again when some of the member's statements are in a block", "该成员待入块的陈述已达份额，请稍后重试"},
	{CodeFounding, "FOUNDING_FORM", "founding file not well formed", "see genesis/README.md", "创建文件格式不正确"},
	{CodeTerms, "OTHER_TERMS", "part made for other terms", "compare the fingerprints of the terms and make the part anew", "创建份件所依据的条款不同，请核对条款指纹后重新制作"},
	{CodeFounder, "FOUNDER", "not as the terms say of this founder", "compare the part with the terms", "与条款所列创建成员不符"},
	{CodeUnsigned, "PART_UNSIGNED", "a key of the part has not signed it", "sign the part with it: zhengd genesis sign", "创建份件缺少其中密钥的签名"},
	{CodeUnitCode, "UNIT_CODE", "not a code of a unit or product", "write it as app/README.md says under Codes of units", "追溯单元或产品编码格式不正确"},
	{CodeCheckDigit, "CHECK_DIGIT", "wrong check digit", "check the digits against the label", "校验位不正确，请核对标签"},
	{CodePlace, "PLACE", "not a place code", "state the 12 digits of the village or township", "产地代码应为 12 位"},
	{CodeNoUnit, "NO_UNIT", "no such unit", "check the code, or register the unit first", "追溯单元不存在，请先登记"},
	{CodeUnitExists, "UNIT_EXISTS", "code taken by another unit", "give each unit a code of its own", "该编码已被其他单元使用"},
	{CodeUnitState, "UNIT_STATE", "unit in a state that does not allow this", "look the unit up", "单元当前状态不允许此操作"},
	{CodeNotCustodian, "NOT_CUSTODIAN", "unit not held by this member", "have its holder ship it first", "该单元不由本成员保管"},
	{CodeInside, "INSIDE", "unit inside another, or not in the one named", "look the unit up, and take it out first", "单元在另一容器内，或不在所述容器内"},
	{CodeRecalled, "RECALLED", "unit, or one inside it, recalled", "stop it, and follow the recall", "单元或其内容物已被召回，请停止流转"},
	{CodeNoProduct, "NO_PRODUCT", "product not declared", "declare it with trace.product first", "产品尚未申报"},
	{CodeNotMaker, "NOT_MAKER", "product of another member", "ask its owner to name you as a maker", "该产品由其他成员申报"},
	{CodeQuantity, "QUANTITY", "more than is left of the unit", "state at most what is left", "数量超过单元余量"},
	{CodeYield, "OVER_YIELD", "more than the yield allows", "check the quantities, or have the yield corrected", "产出超过申报的得率"},
	{CodeOverHarvest, "OVER_HARVEST", "more than was harvested", "check the quantities, or have the harvest corrected", "登记数量超过申报的收获量"},
	{CodeNoHarvest, "NO_HARVEST", "no such harvest of this member", "declare it with trace.harvest first", "收获量尚未申报"},
	{CodeContainer, "NOT_EMPTY", "container not empty", "take the units out first", "容器未清空"},
	{CodeNesting, "NESTING", "containers nested too deeply", "containers nest at most 8 levels", "容器嵌套层数过多"},
	{CodeNoRecall, "NO_RECALL", "no such recall", "check the id in the body", "召回不存在"},
	{CodeNotInScope, "NOT_IN_SCOPE", "unit not in the recall's scope, or dealt with already", "look up the recall's scope", "单元不在召回范围内或已处置"},
	{CodeNotFrozen, "NOT_FROZEN", "scope not frozen yet", "wait for the recall's scope", "召回范围尚未确定"},
	{CodeNotHolder, "NOT_HOLDER", "member holds nothing that is recalled, or has answered", "nothing to do", "本成员未持有被召回单元或已回应"},
	{CodeRecaller, "RECALLER", "member may not recall this unit", "its maker or a regulator recalls a unit", "仅生产者或监管部门可召回"},
	{CodeNotLab, "NOT_LAB", "not a laboratory that may test this", "name a member in the role lab; the retest is another one's", "检验机构不符：须为具备检验资格的成员，复检须由另一机构进行"},
	{CodeOtherProduct, "OTHER_PRODUCT", "unit of another product", "sample a unit of the task's product", "该单元不属于任务所列产品"},
	{CodeInspectDate, "INSPECT_DATE", "date out of range", "see the kind's paragraph in app/README.md", "日期超出允许范围"},
	{CodeNoRetest, "NO_RETEST", "member may not ask for a retest", "who made or held the sample may, unless it gave it up", "仅生产者或被抽样方可申请复检，且未放弃"},
	{CodeRetestLate, "RETEST_LATE", "term for a retest is over", "nothing to do", "复检申请期限已过"},
	{CodeRetestOpen, "RETEST_OPEN", "a party may still ask for a retest", "wait until the term is over, or until each party has given it up", "复检申请期限未满，且当事人尚未放弃复检"},
	{CodeNotConfirmed, "NOT_CONFIRMED", "no such inspection, or its failure is not final", "name the inspect.task of a failure that is confirmed", "抽检不存在，或不合格结论尚未确认"},
	{CodeNotPlatform, "NOT_PLATFORM", "not a platform in good standing", "name a member in the role platform", "并非状态正常的平台成员"},
	{CodeOrderOpen, "ORDER_OPEN", "an order to a platform is open", "verify it, or take it back, first", "对平台的下架通知尚未办结"},
	{CodeInternal, "INTERNAL", "internal error", "report it to the operator", "节点内部错误，请联系运营者"},
}

func (c Code) row() codeRow {
	for _, r := range codeTable {
		if r.code == c {
			return r
		}
	}
	return codeRow{code: c, name: fmt.Sprintf("CODE_%d", uint32(c)), text: "unknown code", hint: "this program is older than the chain", zh: "未知代码"}
}

// Name returns the stable machine name of c, such as "STALE_PREV".
func (c Code) Name() string { return c.row().name }

// Text says in a few words what failed.
func (c Code) Text() string { return c.row().text }

// Hint says what to do next.
func (c Code) Hint() string { return c.row().hint }

// Chinese says what failed and what to do, in Chinese.
func (c Code) Chinese() string { return c.row().zh }

// Codes lists every code but CodeOK, ascending.
func Codes() []Code {
	out := make([]Code, len(codeTable))
	for i, r := range codeTable {
		out[i] = r.code
	}
	return out
}

// CodeByName finds a code by its machine name.
func CodeByName(name string) (Code, bool) {
	for _, r := range codeTable {
		if r.name == name {
			return r.code, true
		}
	}
	return 0, false
}

// An Error is a numbered refusal. Two Errors are the same to errors.Is when
// their codes are.
type Error struct {
	Code   Code
	Path   string // JSON path of the offending member, such as "body.files[2].sha256"; may be empty
	Detail string // what was found, never a secret; may be empty
}

func (e *Error) Error() string {
	s := fmt.Sprintf("E%d %s", uint32(e.Code), e.Code.Text())
	if e.Path != "" {
		s += " at " + e.Path
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Is makes errors.Is(err, tx.CodeStalePrev.Err()) true for any STALE_PREV.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Err returns a bare error of code c, as a target for errors.Is.
func (c Code) Err() error { return &Error{Code: c} }

// CodeOf returns the code of err: CodeOK for nil, CodeInternal for an error
// without a number.
func CodeOf(err error) Code {
	if err == nil {
		return CodeOK
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

func errorf(c Code, format string, a ...any) *Error {
	return &Error{Code: c, Detail: fmt.Sprintf(format, a...)}
}
