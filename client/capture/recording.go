package capture

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
)

// Bounds of a recording.
const (
	maxFrames     = 900
	maxFrameBytes = 64 << 20
	frameQuality  = 70
	frameTime     = 60 * time.Millisecond
	keyEvery      = 5 * time.Second // a seek lands on a key frame
)

// A frame is one picture of the window, taken when it changed.
type frame struct {
	at   time.Time
	jpeg []byte
}

// screencast gathers the frames of one tab.
type screencast struct {
	mu     sync.Mutex
	frames []frame
	bytes  int
	full   bool
	done   bool
}

func (c *screencast) add(at time.Time, jpeg []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done:
	case len(c.frames) == maxFrames || c.bytes+len(jpeg) > maxFrameBytes:
		c.full = true
	default:
		c.frames, c.bytes = append(c.frames, frame{at, jpeg}), c.bytes+len(jpeg)
	}
}

func (c *screencast) end() (frames []frame, full bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done = true
	return c.frames, c.full
}

// count is how many frames there are.
func (c *screencast) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.frames)
}

// startRecording begins the recording with a title that shows the clock and how
// the page will be taken.
func (s *session) startRecording(ctx context.Context) error {
	quality := int64(frameQuality)
	if _, err := cdp.Call(ctx, s.browser.tab, page.StartScreencast, page.StartScreencastParams{
		Format: page.StartScreencastFormatJpeg, Quality: &quality, MaxWidth: int64(s.opts.ViewportW), MaxHeight: int64(s.opts.ViewportH),
	}); err != nil {
		return err
	}
	if _, err := cdp.Call(ctx, s.browser.tab, page.SetDocumentContent, page.SetDocumentContentParams{FrameID: s.frame, HTML: s.titlePage()}); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Second); s.cast.count() == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// titlePage is what the recording begins with.
func (s *session) titlePage() string {
	now := time.Now()
	network, sandbox := "filter only / 仅经过滤代理", "on / 启用"
	if !s.browser.isolation.isolated {
		network = "shared, through the filter / 与本机共用，经过滤代理"
	}
	if s.browser.noSandbox {
		sandbox = "OFF / 未启用"
	}
	rows := [][2]string{
		{"网页取证 Web capture", s.opts.URL},
		{"时间 Time (UTC)", stamp(now)},
		{"北京时间 Beijing", now.UTC().Add(8 * time.Hour).Format("2006-01-02 15:04:05.000")},
		{"工具 Tool", "zheng capture/" + s.opts.ToolVersion + " " + s.browser.version()},
		{"全新配置 Fresh profile", map[bool]string{true: "yes / 是", false: "NO / 否"}[s.browser.freshProfile]},
		{"沙箱 Sandbox", sandbox}, {"网络 Network", network},
		{"域名解析 Resolvers", strings.Join(append(s.opts.Resolvers[:len(s.opts.Resolvers):len(s.opts.Resolvers)], map[bool]string{true: "system"}[len(s.opts.Resolvers) == 0]), " ")},
	}
	if s.opts.Note != "" {
		rows = append(rows, [2]string{"备注 Note", s.opts.Note})
	}
	var b strings.Builder
	b.WriteString(`<!DOCTYPE html><meta charset="utf-8"><body style="font:18px/1.7 sans-serif;margin:3em;background:#fff;color:#000"><table>`)
	for _, r := range rows {
		fmt.Fprintf(&b, `<tr><th align="left" style="padding-right:2em">%s<td style="word-break:break-all">%s`, html.EscapeString(r[0]), html.EscapeString(r[1]))
	}
	return b.String()
}

// encoderURL is never asked of any network: the browser is given encoderPage for
// it. It is an https URL because browsers encode video only for such pages.
const encoderURL = "https://encoder.capture.invalid/"

// encoderPage turns JPEG pictures into VP8 by the browser's own encoder, which
// needs no other program.
const encoderPage = `<!DOCTYPE html><meta charset="utf-8"><title>encoder</title><script>
let enc, chunks=[], fault, canvas, g, lastKey=-1e12;
const bytes=s=>Uint8Array.from(atob(s),c=>c.charCodeAt(0));
const text=a=>{let s="";for(let i=0;i<a.length;i+=32768)s+=String.fromCharCode(...a.subarray(i,i+32768));return btoa(s)};
async function begin(width,height){
  const config={codec:"vp8",width,height,bitrate:2000000,latencyMode:"realtime"};
  if(!(await VideoEncoder.isConfigSupported(config)).supported)throw new Error("this browser does not encode VP8");
  canvas=new OffscreenCanvas(width,height);g=canvas.getContext("2d");
  enc=new VideoEncoder({output:c=>{const a=new Uint8Array(c.byteLength);c.copyTo(a);chunks.push({t:c.timestamp,k:c.type==="key",d:text(a)})},error:e=>fault=e});
  enc.configure(config);return true;
}
async function add(jpeg,micros,keyMicros){
  if(fault)throw fault;
  const b=await createImageBitmap(new Blob([bytes(jpeg)],{type:"image/jpeg"}));
  g.fillStyle="#fff";g.fillRect(0,0,canvas.width,canvas.height);g.drawImage(b,0,0);b.close();
  const keyFrame=micros-lastKey>=keyMicros;if(keyFrame)lastKey=micros;
  const f=new VideoFrame(canvas,{timestamp:micros});enc.encode(f,{keyFrame});f.close();
  return true;
}
async function finish(){await enc.flush();if(fault)throw fault;return JSON.stringify(chunks)}
</script>`

// fulfil answers the request for the encoder's page.
func (s *session) fulfil(ev *fetch.EventRequestPaused) {
	cdp.Call(s.browser.ctx, s.browser.tab, fetch.FulfillRequest, fetch.FulfillRequestParams{
		RequestID: ev.RequestID, ResponseCode: 200, Body: []byte(encoderPage),
		ResponseHeaders: []*fetch.HeaderEntry{{Name: "Content-Type", Value: "text/html; charset=utf-8"}},
	})
}

// recording writes recording.webm. It is the last that the tab does: the page that
// was captured is gone after it.
func (s *session) recording() error {
	s.next()
	frames, full := s.cast.end()
	if s.opts.NoRecording {
		return nil
	}
	if full {
		s.warn("the recording ends early: it is over its limit")
	}
	ctx, cancel := context.WithTimeout(s.browser.ctx, s.opts.Timeout)
	defer cancel()
	b, err := s.encode(ctx, frames)
	if err == nil {
		_, err = s.out.write("recording.webm", "recording", "video/webm", b)
		if err != nil && !errors.Is(err, errOutputLimit) {
			return err
		}
	}
	if err != nil {
		s.note("recording: %v", err)
	}
	return nil
}

// thin leaves out pictures that were there for less than frameTime.
func thin(frames []frame) (out []frame) {
	for i, f := range frames {
		if i == len(frames)-1 || i == 0 || frames[i+1].at.Sub(f.at) >= frameTime {
			out = append(out, f)
		}
	}
	return out
}

func (s *session) encode(ctx context.Context, frames []frame) ([]byte, error) {
	if len(frames) == 0 {
		return nil, errors.New("the browser sent no pictures")
	}
	tab := s.browser.tab
	cdp.Call(ctx, tab, page.StopScreencast, cdp.Empty{})
	if r, err := cdp.Call(ctx, tab, page.Navigate, page.NavigateParams{URL: encoderURL}); err != nil {
		return nil, err
	} else if r.ErrorText != "" {
		return nil, errors.New(r.ErrorText)
	}
	yes := true
	call := func(expr string) (string, error) {
		r, err := cdp.Call(ctx, tab, runtime.Evaluate, runtime.EvaluateParams{Expression: expr, ReturnByValue: &yes, AwaitPromise: &yes})
		if err != nil {
			return "", err
		}
		if d := r.ExceptionDetails; d != nil {
			if d.Exception != nil && d.Exception.Description != "" {
				return "", errors.New(d.Exception.Description)
			}
			return "", errors.New(d.Text)
		}
		return string(r.Result.Value), nil
	}
	w, h := s.opts.ViewportW, s.opts.ViewportH
	var err error
	for range 100 { // the page's script is there a moment after the navigation
		if _, err = call(fmt.Sprintf("begin(%d,%d)", w, h)); err == nil || !strings.Contains(err.Error(), "begin is not defined") {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err != nil {
		return nil, err
	}
	// The last picture stays until the end.
	frames = append(thin(frames), frame{time.Now(), frames[len(frames)-1].jpeg})
	last := int64(-1)
	for _, f := range frames {
		at := max(f.at.Sub(frames[0].at).Microseconds(), last+1000)
		last = at
		if _, err := call(fmt.Sprintf("add(%q,%d,%d)", base64.StdEncoding.EncodeToString(f.jpeg), at, keyEvery.Microseconds())); err != nil {
			return nil, err
		}
	}
	out, err := call("finish()")
	if err != nil {
		return nil, err
	}
	var doc string
	var chunks []chunk
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		return nil, err
	}
	if err := json.Unmarshal([]byte(doc), &chunks); err != nil {
		return nil, err
	}
	return webm(w, h, time.Duration(last)*time.Microsecond, chunks)
}
