package tx

import "strings"

func inspectSamples(st func(Kind, ID, Body) *Statement) map[string]*Statement {
	paper, day := &Paper{Document: Digest{6}}, Civil(2026, 11, 23)
	pass := &TestPass{Document: Digest{6}, Items: 12, Standard: "GB 2762-2022", Tested: day}
	fail := &TestFail{Document: Digest{6}, Failed: []FailedItem{{Found: "0.35", Limit: "0.1", NameEN: "lead (Pb)", NameZH: "铅（以Pb计）", Unit: "mg/kg"}}, Items: 12, Standard: "GB 2762-2022", Tested: day}
	return map[string]*Statement{
		"inspect-task":      st(InspectTask, ID{}, &SampleTask{Lab: "institute", Product: plums.Product(), Reason: "routine"}),
		"inspect-task-plan": st(InspectTask, ID{}, &SampleTask{Document: Digest{6}, Lab: "institute", Product: jam.Product(), Reason: "special"}),
		"inspect-sample":    st(InspectSample, ID{1}, &Sample{Document: Digest{6}, Quantity: 500, Taken: day, Unit: plums}),
		"inspect-pass":      st(InspectPass, ID{1}, pass),
		"inspect-overturn":  st(InspectOverturn, ID{1}, pass),
		"inspect-fail":      st(InspectFail, ID{1}, fail),
		"inspect-uphold": st(InspectUphold, ID{1}, &TestFail{Document: Digest{6}, Failed: []FailedItem{{Found: "检出", Limit: "不得检出", NameEN: "Salmonella", NameZH: "沙门氏菌"}},
			Items: 1, Standard: "GB 29921-2021", Tested: day}),
		"inspect-accept":   st(InspectAccept, ID{1}, paper),
		"inspect-retest":   st(InspectRetest, ID{1}, paper),
		"inspect-assign":   st(InspectAssign, ID{1}, &LabChoice{Document: Digest{6}, Lab: "other-institute"}),
		"inspect-refuse":   st(InspectRefuse, ID{1}, &Reasoned{Decision: Digest{6}, Reason: "microbial", words: refuseReasons}),
		"inspect-confirm":  st(InspectConfirm, ID{1}, paper),
		"inspect-notify":   st(InspectNotify, ID{1}, paper),
		"inspect-close":    st(InspectClose, ID{1}, paper),
		"inspect-revoke":   st(InspectRevoke, ID{1}, paper),
		"inspect-withdraw": st(InspectWithdraw, ID{1}, &Withdraw{Reason: "mistake"}),
		"delist-order":     st(DelistOrder, ID{}, &Delisting{Document: Digest{6}, Inspection: ID{1}, Platform: "platform-a"}),
		"delist-ack":       st(DelistAck, ID{1}, paper),
		"delist-done":      st(DelistDone, ID{1}, &Delisted{Count: 3, Document: Digest{6}, Shops: 2}),
		"delist-done-none": st(DelistDone, ID{1}, &Delisted{}),
		"delist-return":    st(DelistReturn, ID{1}, &Reasoned{Decision: Digest{6}, Reason: "still_offered", words: returnReasons}),
		"delist-verify":    st(DelistVerify, ID{1}, paper),
		"delist-withdraw":  st(DelistWithdraw, ID{1}, &Withdraw{Reason: "mistake"}),
		"trace-recall-inspection": st(TraceRecall, ID{}, &Recall{Document: Digest{6}, Inspection: ID{1}, Level: 1, Reason: "failed_test",
			Units: []UnitCode{plums}}),
	}
}

// inspectBad are departures from good statements, by the name of the sample.
func inspectBad(sample func(string) string) []badVector {
	task, taken, pass, fail, done := sample("inspect-task-plan"), sample("inspect-sample"), sample("inspect-pass"), sample("inspect-fail"), sample("delist-done")
	failed := fail[strings.Index(fail, `{"found"`):strings.Index(fail, `],"items"`)]
	return []badVector{
		{"a task for no reason", task, `"reason":"special"`, `"reason":"curiosity"`},
		{"a task for a lot", task, `"product":"01/09506000134352"`, `"product":"01/09506000134352/10/J1"`},
		{"a task whose plan is zeros", task, `"document_sha256":"06`, `"document_sha256":"00`},
		{"a sample of nothing", taken, `"quantity":500`, `"quantity":0`},
		{"a sample of a container", taken, string(plums), string(crate)},
		{"a sample taken on no day", taken, "2026-11-23\",\"unit", "2026-11-31\",\"unit"},
		{"a report that passes and fails", pass, `"items":12`, `"failed":[` + failed + `],"items":12`},
		{"a report of no items", pass, `"items":12`, `"items":0`},
		{"a report by no standard", pass, `"standard":"GB 2762-2022"`, `"standard":""`},
		{"a standard of 65 bytes", pass, "GB 2762-2022", strings.Repeat("G", 65)},
		{"a failure of nothing", fail, failed, ``},
		{"17 failures", fail, failed, strings.Repeat(failed+",", 16) + failed},
		{"more failed than were tested", fail, `"items":12`, `"items":0`},
		{"a failure without a limit", fail, `"limit":"0.1",`, ``},
		{"a failed item without a name", fail, `"name_en":"lead (Pb)"`, `"name_en":""`},
		{"a unit of measure that is empty", fail, `"unit":"mg/kg"`, `"unit":""`},
		{"a retest refused for no reason", sample("inspect-refuse"), `microbial`, `unwilling`},
		{"goods returned to the platform for no reason", sample("delist-return"), `still_offered`, `microbial`},
		{"more shops than offers", done, `"shops":2`, `"shops":4`},
		{"an order to nobody", sample("delist-order"), `"platform":"platform-a"`, `"platform":""`},
		{"a recall for another reason than its inspection", sample("trace-recall-inspection"), `failed_test`, `mislabelled`},
	}
}
