package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/spf13/cobra"
	"golang.org/x/oauth2"
)

// People log in at the OpenID provider that their gateway accepts: authorization
// code with PKCE (RFC 7636), come back to on loopback (RFC 8252). What the
// gateway is then shown is the ID token, renewed when it is about to expire.

// Times of logging in.
const (
	loginWait = 5 * time.Minute  // for the person
	askWait   = 20 * time.Second // for the provider
	renewAt   = 30 * time.Second // before the token expires
)

// A session is ~/.zhenglian/session.json, mode 0600: who is logged in, at which
// gateway and provider. Its tokens go to these two and nowhere else.
type session struct {
	Gateway      string    `json:"gateway"`
	Issuer       string    `json:"issuer"`
	ClientID     string    `json:"client_id"`
	ClientSecret string    `json:"client_secret,omitempty"` // of providers that give one to programs, too
	IDToken      string    `json:"id_token"`
	RefreshToken string    `json:"refresh_token,omitempty"`
	Expires      time.Time `json:"expires"`
}

func (c *cli) sessionPath() (string, error) {
	dir, err := c.home()
	return filepath.Join(dir, "session.json"), err
}

// session reads the session; nil: nobody is logged in.
func (c *cli) session() (*session, error) {
	path, err := c.sessionPath()
	if err != nil {
		return nil, nil // without a home nobody is
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if i, err := os.Stat(path); err == nil && runtime.GOOS != "windows" && i.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf(c.tr("others can read %s, which holds your login: zheng logout, and log in again", "他人可读取 %s（含登录凭证）：请先 zheng logout 再重新登录"), path)
	}
	s := new(session)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

func (c *cli) saveSession(s *session) error {
	path, err := c.sessionPath()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".session-*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// loginToken is the ID token of who is logged in at a gateway, "" when nobody is.
func (c *cli) loginToken(gateway string) (string, error) {
	s, err := c.session()
	if err != nil || s == nil || s.Gateway != gateway {
		return "", err
	}
	if time.Until(s.Expires) > renewAt {
		return s.IDToken, nil
	}
	again := func(err error) error {
		return fmt.Errorf(c.tr("your login has ended; zheng login: %w", "登录已失效，请重新 zheng login：%w"), err)
	}
	if s.RefreshToken == "" {
		return "", again(errors.New(c.tr("the token has expired", "凭证已过期")))
	}
	ctx, stop := context.WithTimeout(context.Background(), askWait)
	defer stop()
	p, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		return "", again(err)
	}
	t, err := s.config(p, "").TokenSource(ctx, &oauth2.Token{RefreshToken: s.RefreshToken}).Token()
	if err == nil {
		err = s.take(ctx, p, t, "")
	}
	if err != nil {
		return "", again(err)
	}
	return s.IDToken, c.saveSession(s)
}

func (s *session) config(p *oidc.Provider, back string, scopes ...string) *oauth2.Config {
	return &oauth2.Config{ClientID: s.ClientID, ClientSecret: s.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: back, Scopes: scopes}
}

// take keeps the tokens that the provider gave, if the ID token is one of its
// own for this program, and answers this login.
func (s *session) take(ctx context.Context, p *oidc.Provider, t *oauth2.Token, nonce string) error {
	raw, _ := t.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: s.ClientID}).Verify(ctx, raw)
	if err != nil {
		return err
	}
	if nonce != "" && subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(nonce)) != 1 {
		return errors.New("the token answers another login")
	}
	s.IDToken, s.Expires = raw, id.Expiry
	if t.RefreshToken != "" {
		s.RefreshToken = t.RefreshToken
	}
	return nil
}

// login takes a person to the provider and back.
func (c *cli) login(ctx context.Context, s *session, scopes []string, browse func(url string) error) error {
	ctx, stop := context.WithTimeout(ctx, loginWait)
	defer stop()
	p, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	conf := s.config(p, "http://"+l.Addr().String()+"/back", append([]string{oidc.ScopeOpenID}, scopes...)...)
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	type answer struct {
		code string
		err  error
	}
	answers := make(chan answer, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /back", func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(state)) != 1 {
			http.Error(w, c.tr("this is the answer to another login", "并非本次登录的应答"), http.StatusBadRequest)
			return // somebody else knocks: go on waiting
		}
		a := answer{code: q.Get("code")}
		if a.code == "" {
			a.err = fmt.Errorf(c.tr("the provider refuses: %s %s", "身份提供方拒绝：%s %s"), q.Get("error"), q.Get("error_description"))
		}
		select {
		case answers <- a:
		default:
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, c.tr("You can close this page and go back to zheng.", "可以关闭本页面，返回 zheng。"))
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: askWait}
	go server.Serve(l)
	defer server.Close()

	if err := browse(conf.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return errors.New(c.tr("nobody has logged in", "等待登录超时"))
	case a := <-answers:
		if a.err != nil {
			return a.err
		}
		t, err := conf.Exchange(ctx, a.code, oauth2.VerifierOption(verifier))
		if err != nil {
			return err
		}
		return s.take(ctx, p, t, nonce)
	}
}

// browser opens a page for the person, or says where it is.
func (c *cli) browser(show bool) func(string) error {
	return func(page string) error {
		c.say("log in here:\n  %s", "请在浏览器中登录：\n  %s", page)
		if !show {
			return nil
		}
		name := map[string]string{"darwin": "open", "windows": "explorer"}[runtime.GOOS]
		if name == "" {
			name = "xdg-open"
		}
		if cmd := exec.Command(name, page); cmd.Start() == nil {
			go cmd.Wait()
		}
		return nil
	}
}

func (c *cli) loginCmd() *cobra.Command {
	var issuer, id, secretFile string
	var scopes []string
	var noBrowser bool
	cmd := &cobra.Command{
		Use: "login", Args: c.args(0, 0), Short: c.tr("log in to the gateway as a person (OpenID Connect)", "以个人身份登录网关（OpenID Connect）"),
		Long: c.tr(`Takes you to the OpenID provider that the gateway's operator names, and keeps what comes
back in ~/.zhenglian/session.json, which nobody else can read. It is shown to this gateway
only, renewed by itself, and says what you may ask the gateway; statements are signed with your
member's keys as ever. --token-file and ZHENG_TOKEN come first. zheng logout ends it.`,
			`前往网关运营方指定的 OpenID 身份提供方登录，凭证保存于 ~/.zhenglian/session.json（仅本人可读），
只提供给该网关并自动续期；它只决定可向网关请求什么，陈述仍以成员密钥签名。--token-file 与 ZHENG_TOKEN
优先。zheng logout 退出登录。`),
		Example: "  zheng login --gateway https://gateway.example.gov.cn --issuer https://login.example.gov.cn --client-id zheng --scope groups",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s := &session{Issuer: issuer, ClientID: id, Gateway: c.setting(c.flags.gateway, "ZHENG_GATEWAY", c.file.Gateway, "")}
			if s.Gateway == "" || s.Issuer == "" || s.ClientID == "" {
				return c.usage("want --gateway, --issuer and --client-id: its operator knows them", "须给出 --gateway、--issuer 与 --client-id（由网关运营方提供）")
			}
			if u, err := url.Parse(s.Issuer); err != nil || u.Scheme != "https" && !loopback(u) {
				return c.usage("--issuer %s: want https", "--issuer %s：应为 https", s.Issuer)
			}
			if secretFile != "" {
				b, err := os.ReadFile(secretFile)
				if err != nil {
					return err
				}
				s.ClientSecret = strings.TrimSpace(string(b))
			}
			if err := c.login(cmd.Context(), s, scopes, c.browser(!noBrowser)); err != nil {
				return err
			}
			if err := c.saveSession(s); err != nil {
				return err
			}
			return c.print(struct {
				Gateway string    `json:"gateway"`
				Issuer  string    `json:"issuer"`
				Expires time.Time `json:"expires"`
				Renewed bool      `json:"renewed"` // by itself, when it expires
			}{s.Gateway, s.Issuer, s.Expires, s.RefreshToken != ""}, func(w io.Writer) {
				fmt.Fprintf(w, "%s %s\n", c.tr("LOGGED IN", "已登录"), s.Gateway)
				c.field(w, "until", "有效至", "%s", s.Expires.Format(time.RFC3339))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&issuer, "issuer", "", c.tr("the OpenID provider", "OpenID 身份提供方"))
	f.StringVar(&id, "client-id", "", c.tr("by which it knows this program", "本程序在提供方的客户端编号"))
	f.StringVar(&secretFile, "client-secret-file", "", c.tr("file with the client's secret, if it has one", "客户端密钥文件（如有）"))
	f.StringSliceVar(&scopes, "scope", nil, c.tr("to ask for besides openid, such as groups or offline_access", "openid 之外请求的范围，如 groups、offline_access"))
	f.BoolVar(&noBrowser, "no-browser", false, c.tr("only print the address", "只打印网址，不打开浏览器"))
	c.gatewayFlag(cmd)
	return cmd
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback())
}

func (c *cli) logoutCmd() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Args: c.args(0, 0), Short: c.tr("end the login at the gateway", "退出登录"),
		Long: c.tr("Deletes the login on this machine, and tells the provider where it knows how to revoke it (RFC 7009).",
			"删除本机保存的登录凭证，并在提供方支持时予以吊销（RFC 7009）。"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			path, err := c.sessionPath()
			if err != nil {
				return err
			}
			s, serr := c.session()
			switch err := os.Remove(path); {
			case errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf(c.tr("login %w: nobody is logged in", "登录 %w：尚未登录"), errNotFound)
			case err != nil:
				return err
			}
			if serr == nil && s != nil && s.RefreshToken != "" {
				if err := s.revoke(cmd.Context()); err != nil {
					c.say("the provider was not told: %v", "未能通知身份提供方：%v", err)
				}
			}
			return c.print(map[string]bool{"logged_out": true}, func(w io.Writer) { fmt.Fprintln(w, c.tr("LOGGED OUT", "已退出")) })
		},
	}
}

// revoke tells the provider that the login has ended, if it offers that.
func (s *session) revoke(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, askWait)
	defer stop()
	p, err := oidc.NewProvider(ctx, s.Issuer)
	if err != nil {
		return err
	}
	var more struct {
		Revocation string `json:"revocation_endpoint"`
	}
	if err := p.Claims(&more); err != nil || more.Revocation == "" {
		return err
	}
	form := url.Values{"token": {s.RefreshToken}, "token_type_hint": {"refresh_token"}, "client_id": {s.ClientID}}
	if s.ClientSecret != "" {
		form.Set("client_secret", s.ClientSecret)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, more.Revocation, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}
