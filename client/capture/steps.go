package capture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Bounds of scripted steps.
const (
	maxSteps    = 64
	maxStepText = 4096
	stepTime    = 15 * time.Second // for a selector to appear
	maxWait     = 30 * time.Second
	maxScroll   = 40 // screens of "scroll": "end"
)

// A Step is one thing that an officer would do on the way to what is captured.
// Exactly one of Goto, Click, Type, Wait, Pause and Scroll is given.
//
//	{"goto": "https://shop.example/login"}
//	{"click": "#accept"}                       a CSS selector; waits until it is there
//	{"type": "input[name=q]", "text": "茶"}      "secret": true keeps the text out of the evidence
//	{"wait": ".results"}                       until it is there
//	{"pause": 1500}                            milliseconds
//	{"scroll": "end"}                          or a number of pixels
type Step struct {
	Goto   string      `json:"goto,omitempty"`
	Click  string      `json:"click,omitempty"`
	Type   string      `json:"type,omitempty"`
	Text   string      `json:"text,omitempty"`
	Secret bool        `json:"secret,omitempty"`
	Wait   string      `json:"wait,omitempty"`
	Pause  int         `json:"pause,omitempty"`
	Scroll *ScrollStep `json:"scroll,omitempty"`
}

// A ScrollStep is a distance in CSS pixels, or to the end of the page, a screen at
// a time, so that what loads on scrolling does.
type ScrollStep struct {
	By  int
	End bool
}

func (s ScrollStep) MarshalJSON() ([]byte, error) {
	if s.End {
		return []byte(`"end"`), nil
	}
	return json.Marshal(s.By)
}

func (s *ScrollStep) UnmarshalJSON(b []byte) error {
	if string(b) == `"end"` {
		*s = ScrollStep{End: true}
		return nil
	}
	*s = ScrollStep{}
	return json.Unmarshal(b, &s.By)
}

// ParseSteps reads a JSON array of steps, strictly.
func ParseSteps(b []byte) (steps []Step, err error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&steps); err != nil {
		return nil, fmt.Errorf("steps: %w", err)
	}
	if d.More() {
		return nil, errors.New("steps: something follows the array")
	}
	return steps, checkSteps(steps)
}

func checkSteps(steps []Step) error {
	if len(steps) > maxSteps {
		return fmt.Errorf("%d steps; the limit is %d", len(steps), maxSteps)
	}
	for i, s := range steps {
		n := 0
		for _, given := range []bool{s.Goto != "", s.Click != "", s.Type != "", s.Wait != "", s.Pause != 0, s.Scroll != nil} {
			if given {
				n++
			}
		}
		switch {
		case n != 1:
			return fmt.Errorf("step %d: give exactly one of goto, click, type, wait, pause, scroll", i)
		case s.Type == "" && (s.Text != "" || s.Secret):
			return fmt.Errorf("step %d: text belongs to type", i)
		case len(s.Goto)+len(s.Click)+len(s.Type)+len(s.Wait)+len(s.Text) > maxStepText:
			return fmt.Errorf("step %d: more than %d bytes", i, maxStepText)
		case s.Pause < 0 || time.Duration(s.Pause)*time.Millisecond > maxWait:
			return fmt.Errorf("step %d: pause of %d ms; the limit is %v", i, s.Pause, maxWait)
		}
		if u, err := url.Parse(s.Goto); s.Goto != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
			return fmt.Errorf("step %d: %w: %q", i, ErrURL, s.Goto)
		}
	}
	return nil
}

// doneStep is a line of steps.jsonl.
type doneStep struct {
	Step  Step   `json:"step"`
	At    string `json:"at"`
	URL   string `json:"url"` // of the document after it
	Error string `json:"error,omitempty"`
}

// walk does the steps. One that fails ends them: what would follow was meant for
// another page.
func (s *session) walk() error {
	if len(s.opts.Steps) == 0 {
		return nil
	}
	var log bytes.Buffer
	for i, step := range s.opts.Steps {
		ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
		done := doneStep{Step: step, At: stamp(time.Now())}
		err := s.do(ctx, step)
		cancel()
		if err == nil {
			s.settle()
		}
		if step.Secret {
			done.Step.Text = redacted
		}
		done.URL = s.rec.view().url
		if err != nil {
			done.Error = err.Error()
			s.note("step %d: %v", i, err)
		}
		b, merr := json.Marshal(done)
		if merr != nil {
			return merr
		}
		log.Write(append(b, '\n'))
		if err != nil {
			break
		}
	}
	_, err := s.out.write("steps.jsonl", "steps", "application/jsonl", log.Bytes())
	return err
}

func (s *session) do(ctx context.Context, step Step) error {
	t := s.browser.tab
	switch {
	case step.Goto != "":
		r, err := cdp.Call(ctx, t, page.Navigate, page.NavigateParams{URL: step.Goto})
		if err == nil && r.ErrorText != "" {
			err = errors.New(r.ErrorText)
		}
		return err
	case step.Click != "":
		x, y, err := s.find(ctx, step.Click)
		if err != nil {
			return err
		}
		return s.click(ctx, x, y)
	case step.Type != "":
		x, y, err := s.find(ctx, step.Type)
		if err != nil {
			return err
		}
		if err := s.click(ctx, x, y); err != nil {
			return err
		}
		_, err = cdp.Call(ctx, t, input.InsertText, input.InsertTextParams{Text: step.Text})
		return err
	case step.Wait != "":
		_, _, err := s.find(ctx, step.Wait)
		return err
	case step.Pause != 0:
		return sleep(ctx, time.Duration(step.Pause)*time.Millisecond)
	case step.Scroll.End:
		for range maxScroll {
			var more bool
			if err := s.evaluate(ctx, `(()=>{scrollBy(0,innerHeight);const e=document.scrollingElement||document.documentElement;return e.scrollTop+innerHeight+1<e.scrollHeight})()`, &more); err != nil {
				return err
			}
			if err := sleep(ctx, 100*time.Millisecond); err != nil {
				return err
			}
			s.settle()
			if !more {
				break
			}
		}
		return nil
	}
	var ok bool
	return s.evaluate(ctx, fmt.Sprintf("(scrollBy(0,%d),true)", step.Scroll.By), &ok)
}

// find waits for an element that can be seen, scrolls to it, and returns its
// middle.
func (s *session) find(ctx context.Context, selector string) (x, y float64, err error) {
	quoted, err := json.Marshal(selector)
	if err != nil {
		return 0, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTime)
	defer cancel()
	for {
		var at []float64
		err := s.evaluate(ctx, fmt.Sprintf(`(()=>{const e=document.querySelector(%s);if(!e)return [];e.scrollIntoView({block:"center",behavior:"instant"});const r=e.getBoundingClientRect();return r.width&&r.height?[r.x+r.width/2,r.y+r.height/2]:[]})()`, quoted), &at)
		if err == nil && len(at) == 2 {
			return at[0], at[1], nil
		}
		if err != nil && strings.Contains(err.Error(), "SyntaxError") {
			return 0, 0, err
		}
		if sleep(ctx, 50*time.Millisecond) != nil {
			return 0, 0, fmt.Errorf("nothing to be seen for %q within %v", selector, stepTime)
		}
	}
}

func (s *session) click(ctx context.Context, x, y float64) error {
	one := int64(1)
	for _, typ := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		if _, err := cdp.Call(ctx, s.browser.tab, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: typ, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: one,
		}); err != nil {
			return err
		}
	}
	return nil
}

// evaluate runs an expression of ours in an isolated world of the page, where its
// scripts have changed nothing, and reads its value.
func (s *session) evaluate(ctx context.Context, expr string, value any) error {
	w, err := cdp.Call(ctx, s.browser.tab, page.CreateIsolatedWorld, page.CreateIsolatedWorldParams{FrameID: s.frame, WorldName: "capture"})
	if err != nil {
		return err
	}
	byValue := true
	r, err := cdp.Call(ctx, s.browser.tab, runtime.Evaluate, runtime.EvaluateParams{Expression: expr, ContextID: w.ExecutionContextID, ReturnByValue: &byValue})
	if err != nil {
		return err
	}
	if d := r.ExceptionDetails; d != nil {
		if d.Exception != nil && d.Exception.Description != "" {
			return errors.New(d.Exception.Description)
		}
		return errors.New(d.Text)
	}
	return json.Unmarshal(r.Result.Value, value)
}

// settle waits, for a while, until a page that may have changed is quiet.
func (s *session) settle() {
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if v := s.rec.view(); v.loaded && v.quiet >= quietTime || s.browser.ctx.Err() != nil || v.overLimit {
			return
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
