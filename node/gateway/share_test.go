package gateway

import (
	"errors"
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
