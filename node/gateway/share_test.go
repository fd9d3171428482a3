package gateway

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"

	"zhenglian/app/tx"
	"zhenglian/client/api"
	"zhenglian/node"
)

// A member whose share is used up is told when to come again, with the number.
func TestShareIsRetried(t *testing.T) {
	refused := &tx.Error{Code: tx.CodeShare, Path: "member", Detail: "platform-a has 30 statements waiting"}
	var p *api.Problem
	if err := submitProblem(&node.CheckError{Code: uint32(refused.Code), Log: refused.Error()}); !errors.As(err, &p) {
		t.Fatalf("%T", err)
	}
	if p.Status != 429 || p.RetryAfter < 1 || p.Number != 470 || p.Detail != refused.Detail || p.Path != "member" {
		t.Errorf("%+v", p)
	}
}

// While the waiting room is crowded, a member whose share is used up is refused
// before its submission is looked at, with the problem that Submit would give; the
// others, and whatever names no member, are judged as ever.
func TestShareIsShed(t *testing.T) {
	h := newHarness(t)
	h.mu.Lock()
	h.auto = false
	h.chain.Config.Waiting, h.chain.Config.WaitingBytes = 8, 1<<20
	h.chain.Reopen()
	h.mu.Unlock()
	submit := func(body string) (int, *api.Problem) {
		resp, b := h.do("POST", api.PathEnvelopes+"?wait=0.01", body)
		var p api.Problem
		if resp.StatusCode >= 400 {
			if err := json.Unmarshal(b, &p); err != nil {
				t.Fatal(err)
			}
			p.RetryAfter, _ = strconv.Atoi(resp.Header.Get("Retry-After"))
		}
		return resp.StatusCode, &p
	}
	for i := range 6 {
		if status, p := submit(string(h.seal(10+i, complete3...).AppendJSON(nil))); status != 202 {
			t.Fatalf("%d of 6 within the share: status %d: %+v", i+1, status, p)
		}
	}
	full := h.seal(20, complete3...)
	status, early := submit(string(full.AppendJSON(nil)))
	if status != 429 || early.Number != uint32(tx.CodeShare) || early.Path != "member" || early.RetryAfter != 1 || early.RequestID == "" {
		t.Errorf("over the share: status %d: %+v", status, early)
	}
	err := h.testChain.Submit(full.AppendWire(nil))
	var late *api.Problem
	if !errors.As(submitProblem(err), &late) || late.Detail != early.Detail || late.Code != early.Code || late.Title != early.Title {
		t.Errorf("Submit says %+v, shedding %+v", late, early)
	}
	// That it was refused early shows in a body that would be refused otherwise.
	broken := strings.Replace(string(full.AppendJSON(nil)), `"payloadType":"`, `"payloadType":"x`, 1)
	if status, p := submit(broken); status != 429 {
		t.Errorf("broken, over the share: status %d: %+v", status, p)
	}
	other := h.chain.Sign(h.chain.Statement("xianyang-amr", tx.EvidenceSeal, tx.ID{}, h.chain.Evidence(1)), "city")
	if status, p := submit(string(other.AppendJSON(nil))); status != 202 {
		t.Errorf("another member: status %d: %+v", status, p)
	}
	for _, body := range []string{"not JSON", `{"payload":"!"}`, `{"payload":"AAAA"}`, `{"payload":"`} {
		if status, p := submit(body); status != 422 && status != 400 {
			t.Errorf("%q: status %d: %+v", body, status, p)
		}
	}
}
