package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"zhenglian/app/tx"
)

func TestProblemIsItsRefusal(t *testing.T) {
	err := fmt.Errorf("submit: %w", Refusal(&tx.Error{Code: tx.CodeStalePrev, Path: "prev", Detail: "head is 12"}))
	if !errors.Is(err, tx.CodeStalePrev.Err()) {
		t.Errorf("%v is not STALE_PREV", err)
	}
	if errors.Is(err, tx.CodeState.Err()) {
		t.Errorf("%v is STATE", err)
	}
	if !errors.Is(err, &Problem{Code: "STALE_PREV"}) {
		t.Errorf("%v has not its own code", err)
	}
	if errors.Is(NewProblem(CodeNotFound, ""), tx.CodeOK.Err()) {
		t.Error("a problem without number is a refusal")
	}
}

// A problem that went through JSON is still the same error.
func TestProblemSurvivesJSON(t *testing.T) {
	b, err := json.Marshal(Refusal(&tx.Error{Code: tx.CodeHighS}))
	if err != nil {
		t.Fatal(err)
	}
	p := new(Problem)
	if err := json.Unmarshal(b, p); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(p, tx.CodeHighS.Err()) || p.Status != http.StatusUnprocessableEntity || p.Hint == "" || p.HintZH == "" {
		t.Errorf("got %+v from %s", p, b)
	}
}

func TestStatusOf(t *testing.T) {
	for c, want := range map[tx.Code]int{
		tx.CodeOK:             200,
		tx.CodeCanonical:      400,
		tx.CodeTooLarge:       413,
		tx.CodeSignature:      422,
		tx.CodeUnknownAccount: 422,
		tx.CodeKnown:          409,
		tx.CodeStalePrev:      422,
		tx.CodeBody:           422,
		tx.CodeInternal:       500,
	} {
		if got := StatusOf(c); got != want {
			t.Errorf("%s: got %d, want %d", c.Name(), got, want)
		}
	}
}

func TestProblemKinds(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range ProblemKinds() {
		if seen[k.Code] {
			t.Errorf("%s names two problems", k.Code)
		}
		seen[k.Code] = true
		if k.Status < 400 || k.Title == "" || k.Hint == "" || k.HintZH == "" {
			t.Errorf("%s is not explained: %+v", k.Code, k)
		}
		if got, ok := KindByName(k.Code); !ok || got != k {
			t.Errorf("KindByName(%s) = %+v, %v", k.Code, got, ok)
		}
	}
}

// Errors that are not meant for users keep their text to themselves.
func TestProblemOfHidesInternals(t *testing.T) {
	p := ProblemOf(errors.New("open /var/lib/secret: permission denied"))
	if p.Status != 500 || p.Detail != "" || p.Code != "INTERNAL" {
		t.Errorf("got %+v", p)
	}
}
