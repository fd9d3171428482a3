package receipt

import "zhenglian/app/row"

// traceStates are the states of matters of traceability, in words. Those that a
// reader must not miss are warnings.
var traceStates = []struct {
	state  row.State
	zh     string
	result Result
	say    Text
}{
	{row.Recorded, "已记录", Pass, Text{"已记录，此后没有任何变更。", "recorded, and nothing has happened to it since."}},
	{row.OneSided, "单方陈述", Pass, Text{"该交接仅有一方陈述，无人确认。", "only one side has stated this hand-over; nobody confirms it."}},
	{row.Offered, "待收货确认", Pass, Text{"收货方尚未确认或提出异议。", "the receiver has neither accepted nor contradicted it."}},
	{row.Received, "双方确认", Pass, Text{"收货方已确认。", "the receiver has accepted it."}},
	{row.Disputed, "收货方有异议", Warn, Text{"收货方对该交接提出异议。", "the receiver contradicts this hand-over."}},
	{row.Cancelled, "已撤回发货", Warn, Text{"发货方已撤回该交接。", "the sender has taken this hand-over back."}},
	{row.Scoping, "召回范围确定中", Pass, Text{"召回范围正在确定。", "the scope of the recall is being frozen."}},
	{row.Frozen, "召回中", Pass, Text{"召回范围已确定，召回进行中。", "the scope of the recall is frozen, and the recall goes on."}},
	{row.Closed, "召回结束", Pass, Text{"召回已结束。", "the recall is closed."}},
}

// traceBecame returns the result and the sentence for a state of traceability;
// ok is false for any other.
func traceBecame(s row.State) (r Result, t Text, ok bool) {
	for _, k := range traceStates {
		if k.state == s {
			return k.result, k.say, true
		}
	}
	return "", Text{}, false
}

// traceZH returns the Chinese word for a state of traceability.
func traceZH(s string) (string, bool) {
	for _, k := range traceStates {
		if string(k.state) == s {
			return k.zh, true
		}
	}
	return "", false
}
