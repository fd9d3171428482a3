package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zhenglian/client/capture/filter/filtertest"
)

// timeServer answers SNTP as one whose clock is ahead by offset, or, when stratum
// is 0, tells clients to go away.
func timeServer(t *testing.T, offset time.Duration, stratum byte) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	put := func(b []byte, at time.Time) {
		binary.BigEndian.PutUint32(b, uint32(at.Unix()+2208988800))
		binary.BigEndian.PutUint32(b[4:], uint32(uint64(at.Nanosecond())<<32/1e9))
	}
	go func() {
		for {
			q := make([]byte, 512)
			n, from, err := c.ReadFrom(q)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			now := time.Now().Add(offset)
			r := make([]byte, 48)
			r[0], r[1], r[3] = 4<<3|4, stratum, 0xec // version 4, server
			copy(r[24:32], q[40:48])
			put(r[16:], now.Add(-time.Second))
			put(r[32:], now)
			put(r[40:], now)
			c.WriteTo(r, from)
		}
	}()
	return c.LocalAddr().String()
}

func TestClockOffset(t *testing.T) {
	t.Parallel()
	date := func(offset time.Duration) string {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
		}))
		t.Cleanup(srv.Close)
		return srv.URL
	}
	right, liar, hour := timeServer(t, 0, 2), timeServer(t, -90*time.Minute, 2), timeServer(t, time.Hour, 2)
	for name, c := range map[string]struct {
		servers []string
		want    string
	}{
		"none":                  {nil, envNA},
		"right":                 {[]string{right}, envOK},
		"one of three lies":     {[]string{right, liar, timeServer(t, 20*time.Millisecond, 2)}, envOK},
		"an hour off":           {[]string{hour, hour, right}, envFail},
		"a second off":          {[]string{timeServer(t, time.Second, 2)}, envNA},
		"kiss of death":         {[]string{timeServer(t, 0, 0)}, envError},
		"by Date":               {[]string{date(0)}, envOK},
		"by Date, an hour off":  {[]string{date(time.Hour)}, envFail},
		"Date only as fallback": {[]string{right, date(time.Hour), date(time.Hour)}, envOK},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r report
			r.clockOffset(askClocks(t.Context(), c.servers))
			if r.Items[0].Result != c.want {
				t.Errorf("%+v, want %s", r.Items[0], c.want)
			}
		})
	}
	for _, s := range []string{"", "a b", "ftp://x", "http://"} {
		if checkTimeServer(s) == nil {
			t.Errorf("%q is taken for a time server", s)
		}
	}
}

func TestParseSteps(t *testing.T) {
	steps, err := ParseSteps([]byte(`[{"goto":"https://shop.example/"},{"type":"#q","text":"茶"},{"scroll":"end"},{"scroll":-200},{"pause":10}]`))
	if err != nil || len(steps) != 5 || !steps[2].Scroll.End || steps[3].Scroll.By != -200 {
		t.Errorf("%+v, %v", steps, err)
	}
	if b, err := json.Marshal(steps[2:4]); err != nil || string(b) != `[{"scroll":"end"},{"scroll":-200}]` {
		t.Errorf("%s, %v", b, err)
	}
	for _, bad := range []string{``, `{}`, `[{}]`, `[{"goto":"file:///etc/passwd"}]`, `[{"goto":"https://u:p@a/"}]`, `[{"click":"a","wait":"b"}]`, `[{"text":"x"}]`,
		`[{"eval":"1"}]`, `[{"pause":-1}]`, `[{"pause":99999999}]`, `[{"scroll":"top"}]`, `[] x`, `[` + strings.Repeat(`{"pause":1},`, maxSteps) + `{"pause":1}]`} {
		if _, err := ParseSteps([]byte(bad)); err == nil {
			t.Errorf("%.60s was accepted", bad)
		}
	}
}

// TestWalk goes the way of an officer to a result that only appears so, and to the
// shop's licence.
func TestWalk(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<title>home</title><form action=/search method=post><input name=q><input name=pin type=password><button id=go>go</button></form>`)
	})
	mux.HandleFunc("/search", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "sid", Value: "geheim"})
		fmt.Fprintf(w, `<title>found</title><p>query %s, pin of %d digits<div style="height:3000px"></div><p id=more></p><a class=l href=/licence target=_blank><span>营业执照</span></a>
			<script>console.log("hello",42);console.error("bad");addEventListener("scroll",()=>{document.getElementById("more").textContent="loaded on scrolling"});setTimeout(()=>{throw new Error("oops")})</script>`,
			r.FormValue("q"), len(r.FormValue("pin")))
	})
	mux.HandleFunc("/licence", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<title>licence</title><p>统一社会信用代码 91330100MA2XXXXX1A`)
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	steps, err := ParseSteps([]byte(`[{"type":"input[name=q]","text":"龙井"},{"type":"input[name=pin]","text":"8641","secret":true},{"click":"#go"},{"wait":"#more + a"},{"scroll":"end"}]`))
	if err != nil {
		t.Fatal(err)
	}
	r, dir := capture(t, Options{URL: srv.URL, Steps: steps, Licence: "a.l", ViewportW: 800, ViewportH: 600, TimeServers: []string{timeServer(t, 0, 2)}})
	if r.Outcome != Complete || !strings.HasPrefix(r.FinalURL, srv.URL+"/search") || r.Title != "found" {
		t.Errorf("outcome %s (%s), %s, title %q", r.Outcome, r.Reason, r.FinalURL, r.Title)
	}
	for name, want := range map[string]string{
		"text.txt": "loaded on scrolling", "page.html": "query 龙井, pin of 4 digits", "licence/text.txt": "91330100MA2XXXXX1A",
		"cookies.json": `"value": "[redacted]"`, "console.jsonl": `"text":"hello 42"`, "steps.jsonl": `"text":"[redacted]","secret":true`, "clock.json": `"method": "ntp"`,
	} {
		if got := string(read(t, dir, name)); !strings.Contains(got, want) {
			t.Errorf("%s has no %q:\n%s", name, want, got)
		}
	}
	console := string(read(t, dir, "console.jsonl"))
	if !strings.Contains(console, `"level":"exception"`) || !strings.Contains(console, "oops") || !strings.Contains(console, `"level":"error"`) {
		t.Errorf("console %s", console)
	}
	if b := read(t, dir, "steps.jsonl"); bytes.Contains(b, []byte("8641")) || bytes.Count(b, []byte("\n")) != 5 {
		t.Errorf("steps %s", b)
	}
	size := func(name string) image.Point {
		c, err := png.DecodeConfig(bytes.NewReader(read(t, dir, name)))
		if err != nil {
			t.Fatal(err)
		}
		return image.Pt(c.Width, c.Height)
	}
	if v, p := size("viewport.png"), size("page.png"); v != image.Pt(800, 600) || p.Y < 3000 {
		t.Errorf("window %v, page %v", v, p)
	}
	if len(r.Perceptual) != 16 {
		t.Errorf("perceptual hash %q", r.Perceptual)
	}
	records, texts := archived(t, dir)
	if got := record(t, records, texts, "response", "<title>licence</title>"); !strings.Contains(got, "WARC-Page-ID: licence\r\n") {
		t.Errorf("record %s", got)
	}
	if it := envItem(t, dir, "clock_offset"); it.Result != envOK {
		t.Errorf("clock %+v", it)
	}

	// What cannot be done is said, and what is there is taken.
	r, dir = capture(t, Options{URL: srv.URL, Steps: []Step{{Goto: srv.URL + "/search?q=x"}, {Click: "p["}, {Click: "#go"}}, Licence: ".none", NoRecording: true})
	if r.Outcome != Partial || !strings.Contains(r.Reason, "step 1:") || !strings.Contains(r.Reason, `no link at ".none"`) || hasFile(r, "recording.webm") {
		t.Errorf("outcome %s: %s", r.Outcome, r.Reason)
	}
	if b := read(t, dir, "steps.jsonl"); bytes.Count(b, []byte("\n")) != 2 {
		t.Errorf("steps %s", b)
	}
}

// TestRecordingPlays plays a recording in the browser: its end is the red page, its
// beginning whatever the browser showed first, white or, on a busy machine, black.
func TestRecordingPlays(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<title>moving</title><body style="margin:0;background:rgb(0,0,255)"><p id=p>0<script>
			let n=0;const t=setInterval(()=>{p.textContent=++n;if(n==12){clearInterval(t);document.body.style.background="rgb(255,0,0)"}},60);fetch("/wait")</script>`)
	})
	mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) { time.Sleep(1200 * time.Millisecond) })
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	r, dir := capture(t, Options{URL: srv.URL, ViewportW: 640, ViewportH: 400, Note: "block 17"})
	if r.Outcome != Complete || !hasFile(r, "recording.webm") {
		t.Fatalf("outcome %s: %s", r.Outcome, r.Reason)
	}
	video := filepath.Join(dir, "recording.webm")
	player := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/recording.webm" {
			http.ServeFile(w, r, video)
			return
		}
		fmt.Fprint(w, `<title>player</title><p id=p>waiting</p><video id=v muted src=recording.webm></video><script>
			const finish=()=>document.body.insertAdjacentHTML("beforeend","<p id=done>done"), say=t=>p.textContent+=" "+t, once=e=>new Promise((y,n)=>{v.addEventListener(e,y,{once:true});v.addEventListener("error",()=>n(v.error.message),{once:true})});
			const pixel=()=>{const c=document.createElement("canvas");c.width=v.videoWidth;c.height=v.videoHeight;const g=c.getContext("2d");g.drawImage(v,0,0);return [...g.getImageData(v.videoWidth-20,v.videoHeight-20,1,1).data.slice(0,3)].map(x=>x>128?1:0).join("")};
			const shows=async good=>{for(let i=0;i<160&&!good(pixel());i++)await new Promise(r=>setTimeout(r,50));return pixel()};
			(async()=>{await once("loadeddata");say("size "+v.videoWidth+"x"+v.videoHeight);
			v.currentTime=v.duration-0.01;await once("seeked");say("last "+await shows(x=>x=="100"));say("duration "+(v.duration>1&&v.duration<60));
			v.currentTime=0;await once("seeked");say("back "+(["111","000"].includes(await shows(x=>x=="111"||x=="000"))?"earlier":"not at the beginning"));v.playbackRate=8;await v.play();await once("ended");say("played");finish()})().catch(e=>{say("error "+e);finish()});
			fetch("/hold");</script>`)
	}))
	t.Cleanup(player.Close)
	hold := []Step{{Wait: "video"}, {Pause: 1000}, {Wait: "#done"}}
	_, seen := capture(t, Options{URL: player.URL, Steps: hold, NoRecording: true})
	got := string(read(t, seen, "text.txt"))
	for _, want := range []string{"size 640x400", "last 100", "duration true", "back earlier", "played"} {
		if !strings.Contains(got, want) {
			t.Errorf("the player does not say %q: %q", want, got)
		}
	}
}

func TestPerceptual(t *testing.T) {
	draw := func(w, h int, at func(x, y int) uint8) string {
		img := image.NewGray(image.Rect(0, 0, w, h))
		for y := range h {
			for x := range w {
				img.SetGray(x, y, color.Gray{Y: at(x*900/w, y*800/h)})
			}
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			t.Fatal(err)
		}
		s, err := perceptual(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	falling := func(x, _ int) uint8 { return uint8(255 - x/4) }
	if got := draw(900, 800, falling); got != "ffffffffffffffff" {
		t.Errorf("falling from left to right: %s", got)
	}
	if got := draw(90, 80, falling); got != "ffffffffffffffff" {
		t.Errorf("the same, smaller: %s", got)
	}
	if got := draw(900, 800, func(x, _ int) uint8 { return uint8(x / 4) }); got != "0000000000000000" {
		t.Errorf("rising: %s", got)
	}
	if _, err := perceptual([]byte("no picture")); err == nil {
		t.Error("text has a perceptual hash")
	}
}

func TestHostsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(path, []byte("127.0.0.1 localhost\n10.0.0.1 Shop.example other # www.shop.example\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{"shop.example": envFail, "www.shop.example": envOK, "localhost": envNA, "a.example": envOK} {
		var r report
		r.hostsFile(path, host)
		if r.Items[0].Result != want {
			t.Errorf("%s: %+v, want %s", host, r.Items[0], want)
		}
	}
}

// TestAgreement: resolvers that contradict each other are seen.
func TestAgreement(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(text("<title>ok</title>"))
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	yes := func(string, int) []string { return []string{"127.0.0.1"} }
	a, b, no := filtertest.DNS(t, yes), filtertest.DNS(t, yes), filtertest.DNS(t, func(string, int) []string { return nil })
	for want, resolvers := range map[string][]string{envOK: {a, b}, envFail: {a, b, no}, envNA: {a}} {
		r, dir := hostile(t, Options{URL: "http://shop.example:" + port + "/", Resolvers: resolvers, NoRecording: true})
		if it := envItem(t, dir, "dns_agreement"); it.Result != want || r.Outcome != Complete {
			t.Errorf("%d resolvers: %+v, outcome %s (%s)", len(resolvers), it, r.Outcome, r.Reason)
		}
	}
}
