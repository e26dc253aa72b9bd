package acme

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener/certificate"
)

const day = 24 * time.Hour

// A certificate is ordered, its names are proved, and it is in the file with its key.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t), filepath.Join(t.TempDir(), "acme")
		m := startManager(t, a, dir, func(c *Config) { c.Email = "hostmaster@example.net" })
		synctest.Wait()
		s := m.State()
		if s.Issued != 1 || s.Failed != 0 || m.issued != 1 || !s.NotAfter.Equal(time.Now().Add(a.life).Truncate(time.Second)) {
			t.Fatalf("%+v, Issued was called %d times\n%s", s, m.issued, m.log)
		}
		store, err := certificate.Open(certificate.Files{Certificates: []string{CertificateFile(dir)}})
		if err != nil {
			t.Fatal(err)
		}
		if names := store.Infos()[0].Names; !slices.Equal(names, []string{"dns.example.net", "*.example.net"}) {
			t.Errorf("it is for %v", names)
		}
		if want := []string{"_acme-challenge.dns.example.net", "_acme-challenge.example.net"}; !slices.Equal(a.published.ever, want) || a.published.left() != 0 {
			t.Errorf("published: %v; %d are left", a.published.ever, a.published.left())
		}
		for _, file := range []string{accountFile, certificateFile} {
			if info, err := os.Stat(filepath.Join(dir, file)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info.Mode(), err)
			}
		}
		if all, _ := os.ReadDir(dir); len(all) != 2 {
			t.Errorf("the folder has %v", all)
		}

		// The next process has it already, and the account; another authority's is another.
		m.stop()
		account, _ := os.ReadFile(filepath.Join(dir, accountFile))
		m = startManager(t, a, dir, nil)
		synctest.Wait()
		if s := m.State(); s.Issued != 0 || s.NotAfter.IsZero() {
			t.Errorf("after a restart: %+v", s)
		}
		m.stop()
		m = startManager(t, a, dir, func(c *Config) { c.Directory = "https://other.example/dir" })
		synctest.Wait()
		if s := m.State(); s.Issued != 1 {
			t.Errorf("at another authority: %+v\n%s", s, m.log)
		}
		m.stop()
		m = startManager(t, a, dir, func(c *Config) { c.Directory, c.Names = "https://other.example/dir", []string{"more.example.net"} })
		synctest.Wait()
		m.stop()
		m = startManager(t, a, dir, func(c *Config) {
			c.Directory, c.Names = "https://other.example/dir", []string{"more.example.net", "example.org"}
		})
		synctest.Wait()
		if s := m.State(); s.Issued != 1 {
			t.Errorf("for another name: %+v\n%s", s, m.log)
		}
		if now, _ := os.ReadFile(filepath.Join(dir, accountFile)); !bytes.Equal(now, account) {
			t.Error("the account is another one")
		}
	})
}

// A certificate is renewed with a third of its life left, or when the authority says; an
// authority that says "now" again and again does not get more than an order a day.
func TestRenewal(t *testing.T) {
	for _, test := range []struct {
		what   string
		window func(a *authority, began time.Time) func() window
		for_   time.Duration
		least  []time.Duration // of each order after the first, since the one before it
		most   []time.Duration
	}{
		{what: "two thirds", for_: 121 * day, least: []time.Duration{60 * day, 60 * day}, most: []time.Duration{60*day + time.Minute, 60*day + time.Minute}},
		{what: "a window", window: func(a *authority, began time.Time) func() window {
			return func() window {
				if len(a.orders) > 1 {
					return window{began.Add(70 * day), began.Add(71 * day)}
				}
				return window{began.Add(10 * day), began.Add(12 * day)}
			}
		}, for_: 12*day + time.Hour, least: []time.Duration{10 * day}, most: []time.Duration{12*day + time.Minute}},
		{what: "a window that moves to now", window: func(a *authority, began time.Time) func() window {
			return func() window {
				if since := time.Since(began); since > 3*day && since < 4*day {
					return window{began, began.Add(time.Hour)}
				}
				return window{began.Add(70 * day), began.Add(71 * day)}
			}
		}, for_: 5 * day, least: []time.Duration{3 * day}, most: []time.Duration{3*day + infoInterval + time.Minute}},
		{what: "always now", window: func(a *authority, began time.Time) func() window {
			return func() window { return window{began, began.Add(time.Minute)} }
		}, for_: 3*day + time.Hour, least: []time.Duration{day, day, day}, most: []time.Duration{day + time.Minute, day + time.Minute, day + time.Minute}},
		{what: "after it has ended", window: func(a *authority, began time.Time) func() window {
			return func() window { return window{began.Add(200 * day), began.Add(201 * day)} }
		}, for_: 76 * day, least: []time.Duration{75 * day}, most: []time.Duration{75*day + time.Minute}},
		{what: "not a window", window: func(a *authority, began time.Time) func() window {
			return func() window { return window{began.Add(day), began} }
		}, for_: 61 * day, least: []time.Duration{60 * day}, most: []time.Duration{60*day + time.Minute}},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := newAuthority(t)
				if test.window != nil {
					a.window = test.window(a, time.Now())
				}
				m := startManager(t, a, t.TempDir(), nil)
				time.Sleep(test.for_)
				synctest.Wait()
				orders := a.placed()
				if len(orders) != len(test.least)+1 {
					t.Fatalf("%d orders: %v\n%s", len(orders), orders, m.log)
				}
				for i := range test.least {
					if since := orders[i+1].Sub(orders[i]); since < test.least[i] || since > test.most[i] {
						t.Errorf("order %d came after %v, want %v to %v", i+1, since, test.least[i], test.most[i])
					}
				}
			})
		})
	}
}

// TestRenewNow: an operator need not wait.
func TestRenewNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		m := startManager(t, a, t.TempDir(), nil)
		synctest.Wait()
		m.Renew()
		synctest.Wait()
		if s := m.State(); s.Issued != 2 {
			t.Errorf("%+v\n%s", s, m.log)
		}
	})
}

// TestFailures: what goes wrong is in the log, leaves no record, and is tried again, more
// and more rarely. Once it is over there is a certificate.
func TestFailures(t *testing.T) {
	on := func(path string, answer func(w http.ResponseWriter)) func(w http.ResponseWriter, r *http.Request, at string) bool {
		return func(w http.ResponseWriter, r *http.Request, at string) bool {
			if r.Method != http.MethodPost && path != "/dir" || !strings.HasPrefix(at, path) {
				return false
			}
			answer(w)
			return true
		}
	}
	for _, test := range []struct {
		what  string
		fail  func(a *authority)
		dir   func(t *testing.T, dir string) (mend func())
		log   string
		least time.Duration // between attempts
		once  bool          // the order is not placed again
	}{
		{what: "the server fails", fail: func(a *authority) {
			a.before = on("/dir", func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
		}, log: "500"},
		{what: "nonces are always wrong", fail: func(a *authority) {
			a.before = on("/order", func(w http.ResponseWriter) { problem(w, 400, "badNonce", "used", "") })
		}, log: "badNonce"},
		{what: "rates are limited", fail: func(a *authority) {
			a.before = on("/order", func(w http.ResponseWriter) {
				w.Header().Set("Retry-After", "7200")
				problem(w, 429, "rateLimited", "too many certificates", "")
			})
		}, log: "too many certificates", least: 2 * time.Hour},
		{what: "new terms", fail: func(a *authority) {
			a.before = on("/account", func(w http.ResponseWriter) {
				problem(w, 403, "userActionRequired", "terms have changed", "https://ca.example/new-terms")
			})
		}, log: "agreed to at https://ca.example/new-terms"},
		{what: "CAA", fail: func(a *authority) {
			a.before = on("/finalize", func(w http.ResponseWriter) { problem(w, 403, "caa", "CAA record for example.net", "") })
		}, log: "a CAA record does not let this authority issue"},
		{what: "nothing is decided", fail: func(a *authority) {
			a.pending = true
			a.before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
				w.Header().Set("Retry-After", "30")
				return false
			}
		}, log: "has not decided within 10m0s"},
		{what: "the record is not published", fail: func(a *authority) { a.published.err = errTest }, log: "publishing _acme-challenge.dns.example.net: it fails"},
		{what: "the challenge fails", fail: func(a *authority) {
			a.before = func(_ http.ResponseWriter, r *http.Request, path string) bool {
				if r.Method == http.MethodPost && strings.HasPrefix(path, "/challenge/") {
					a.published.clear()
				}
				return false
			}
		}, log: "there is no TXT record"},
		{what: "the folder is gone", dir: func(t *testing.T, dir string) func() {
			os.Rename(dir, dir+".away")
			return func() { os.Rename(dir+".away", dir) }
		}, log: "nothing is ordered"},
		{what: "the certificate cannot be written", dir: func(t *testing.T, dir string) func() {
			path := filepath.Join(dir, certificateFile)
			os.Remove(path)
			os.MkdirAll(filepath.Join(path, "full"), 0o700)
			return func() { os.RemoveAll(path) }
		}, log: "is issued, and cannot be written", once: true},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, dir := newAuthority(t), filepath.Join(t.TempDir(), "acme")
				mend := func() {}
				if test.fail != nil {
					test.fail(a)
				}
				if test.dir != nil {
					a.opened = func() { mend = test.dir(t, dir) }
				}
				m := startManager(t, a, dir, nil)
				start := time.Now()
				synctest.Wait()
				for m.State().Failures == 0 {
					time.Sleep(time.Minute)
					synctest.Wait()
					if time.Since(start) > time.Hour {
						t.Fatalf("no failure: %+v\n%s", m.State(), m.log)
					}
				}
				if again := time.Until(m.State().Next); again < max(test.least, firstRetry*4/5-time.Minute) || again > max(test.least, firstRetry*6/5) {
					t.Errorf("the next attempt is in %v", again)
				}
				if a.published.left() != 0 {
					t.Error("a challenge is left")
				}
				if !strings.Contains(m.State().LastError, test.log) || !strings.Contains(m.log.String(), "no certificate from the authority") {
					t.Errorf("the error is %q\n%s", m.State().LastError, m.log)
				}
				time.Sleep(4 * day)
				synctest.Wait()
				s := m.State()
				if again := time.Until(s.Next); s.Failures < 8 || s.Failures > 25 || again > lastRetry*6/5 {
					t.Errorf("after four days: %+v, again in %v", s, again)
				}
				placed := len(a.placed())
				a.set(func() { a.before, a.pending, a.published.err = nil, false, nil })
				mend()
				time.Sleep(day)
				synctest.Wait()
				if s := m.State(); s.Failures != 0 || s.Issued != 1 || s.LastError != "" {
					t.Errorf("at the end: %+v\n%s", s, m.log)
				}
				if test.once && (placed != 1 || len(a.placed()) != 1) {
					t.Errorf("%d orders", len(a.placed()))
				}
			})
		})
	}
}

// TestPassingFailures: a used nonce and an error of the server are not failures.
func TestPassingFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		seen := map[string]int{}
		a.before = func(w http.ResponseWriter, r *http.Request, path string) bool {
			if r.Method != http.MethodPost {
				return false
			}
			switch seen[path]++; seen[path] {
			case 1:
				problem(w, 400, "badNonce", "used", "")
			case 2:
				w.WriteHeader(http.StatusServiceUnavailable)
			default:
				return false
			}
			return true
		}
		m := startManager(t, a, t.TempDir(), nil)
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if s := m.State(); s.Issued != 1 || s.Failed != 0 {
			t.Errorf("%+v\n%s", s, m.log)
		}
	})
}

// TestHostileAuthority: an authority decides neither where records are published, nor what
// certificates are used, nor how much is read or asked.
func TestHostileAuthority(t *testing.T) {
	for _, test := range []struct {
		what string
		do   func(a *authority)
		log  string
	}{
		{"a proof of another name", func(a *authority) { a.proof = "victim.example" }, `wants a proof for "victim.example"`},
		{"a certificate for others", func(a *authority) { a.names = []string{"other.example"} }, "is valid for other.example"},
		{"a certificate that has ended", func(a *authority) { a.life = -time.Hour }, "the certificate ended"},
		{"a reply without end", func(a *authority) {
			a.before = func(w http.ResponseWriter, _ *http.Request, path string) bool {
				if path == "/dir" {
					w.Write([]byte(`{"newOrder":"`))
					w.Write(bytes.Repeat([]byte("x"), 4*maxBody))
				}
				return path == "/dir"
			}
		}, "unexpected EOF"},
		{"another protocol", func(a *authority) {
			a.before = func(w http.ResponseWriter, _ *http.Request, path string) bool {
				if path == "/dir" {
					w.Write([]byte(`{"newOrder":"http://127.0.0.1/","newAccount":"http://127.0.0.1/","newNonce":"http://127.0.0.1/"}`))
				}
				return path == "/dir"
			}
		}, "not over HTTPS"},
		{"polls without a pause", func(a *authority) {
			a.pending = true
			a.before = func(w http.ResponseWriter, _ *http.Request, path string) bool {
				w.Header().Set("Retry-After", "Mon, 02 Jan 1995 00:00:00 GMT")
				return false
			}
		}, "has not decided"},
	} {
		t.Run(test.what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, dir := newAuthority(t), filepath.Join(t.TempDir(), "acme")
				test.do(a)
				m := startManager(t, a, dir, nil)
				own, _ := os.ReadFile(CertificateFile(dir))
				time.Sleep(attemptTime + time.Second)
				synctest.Wait()
				if s := m.State(); s.Failed == 0 || !strings.Contains(m.log.String(), strings.ReplaceAll(test.log, `"`, `\"`)) {
					t.Errorf("%+v\n%s", s, m.log)
				}
				m.stop()
				if now, _ := os.ReadFile(CertificateFile(dir)); !bytes.Equal(own, now) {
					t.Error("the certificate is used")
				}
				if slices.ContainsFunc(a.published.ever, func(name string) bool { return strings.Contains(name, "victim") }) || a.published.left() != 0 {
					t.Errorf("published: %v", a.published.ever)
				}
				if a.requests > 2*maxRequests {
					t.Errorf("%d requests", a.requests)
				}
			})
		})
	}
}

// TestRequestsAreBounded: an order does not take more requests than there may be.
func TestRequestsAreBounded(t *testing.T) {
	base := newAuthority(t)
	tr := &transport{base: base}
	for i := range maxRequests + 1 {
		r, _ := http.NewRequest(http.MethodGet, directory, nil)
		if _, err := tr.RoundTrip(r); (err != nil) != (i == maxRequests) {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// TestLeftovers: what a process that was killed had published is removed.
func TestLeftovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t), t.TempDir()
		a.published.records["_acme-challenge.example.net old"] = true
		if err := os.WriteFile(filepath.Join(dir, challengesFile), []byte("_acme-challenge.example.net old\nnonsense\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		startManager(t, a, dir, nil)
		synctest.Wait()
		if _, err := os.Stat(filepath.Join(dir, challengesFile)); a.published.left() != 0 || !os.IsNotExist(err) {
			t.Errorf("%d records are left, the file: %v", a.published.left(), err)
		}
	})
}

// TestStop: the end of a server in the middle of an order leaves no record.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAuthority(t)
		a.pending = true
		m := startManager(t, a, t.TempDir(), nil)
		time.Sleep(30 * time.Second)
		if a.published.left() == 0 {
			t.Fatal("nothing is published")
		}
		m.stop()
		if a.published.left() != 0 || m.State().Failed != 0 {
			t.Errorf("%d records are left; %+v", a.published.left(), m.State())
		}
	})
}

// TestFolderErrors: what is wrong with the folder shows before the server starts.
func TestFolderErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: filepath.Join(file, "acme")}); err == nil || !strings.Contains(err.Error(), "acme: ") {
		t.Errorf("a folder below a file: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, accountFile), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "there is no key") {
		t.Errorf("an account without a key: %v", err)
	}
}

func FuzzWindow(f *testing.F) {
	f.Add([]byte(`{"suggestedWindow":{"start":"2026-01-02T04:00:00Z","end":"2026-01-03T04:00:00Z"}}`), "120")
	f.Add([]byte(`{"suggestedWindow":{"start":"9999-01-02T04:00:00Z","end":"0000-01-03T04:00:00Z"}}`), "Fri, 31 Dec 1999 23:59:59 GMT")
	f.Fuzz(func(t *testing.T, text []byte, again string) {
		if w, err := parseWindow(text); err == nil && !w.End.After(w.Start) {
			t.Errorf("%v", w)
		}
		if readRetryAfter(again, time.Now()) < 0 {
			t.Errorf("%q is before now", again)
		}
	})
}

// What has failed is not tried at once after a restart; other names are, and so is what the
// operator asks for.
func TestFailuresOutliveRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t), filepath.Join(t.TempDir(), "acme")
		a.published.err = errTest
		m := startManager(t, a, dir, nil)
		time.Sleep(2 * day)
		synctest.Wait()
		before := m.State()
		m.stop()
		placed := len(a.placed())
		for range 10 {
			m = startManager(t, a, dir, nil)
			synctest.Wait()
			after := m.State()
			if after.Failures != before.Failures || after.LastError != before.LastError || !after.Next.Equal(before.Next) {
				t.Fatalf("before a restart: %+v, after: %+v\n%s", before, after, m.log)
			}
			m.stop()
		}
		if n := len(a.placed()); n != placed {
			t.Errorf("%d orders after restarts", n-placed)
		}
		m = startManager(t, a, dir, nil)
		m.Renew()
		synctest.Wait()
		if s := m.State(); s.Failures != before.Failures+1 {
			t.Errorf("after an order of the operator: %+v", s)
		}
		m.stop()
		a.published.err = nil
		m = startManager(t, a, dir, func(c *Config) { c.Names = []string{"more.example.net"} })
		synctest.Wait()
		if s := m.State(); s.Issued != 1 || s.Failures != 0 {
			t.Errorf("for other names: %+v\n%s", s, m.log)
		}
		if _, err := os.Stat(filepath.Join(dir, backoffFile)); err == nil {
			t.Error("the failures are remembered after a success")
		}
	})
}

func FuzzReadBackoff(f *testing.F) {
	f.Add([]byte(`{"directory": "https://ca.example/dir", "names": ["a.example"], "failures": 3, "error": "x", "again": "2026-12-01T00:00:00Z"}`))
	f.Add([]byte(`{"failures": 99999999, "again": "9999-12-31T23:59:59Z"}`))
	now := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := readBackoff(text, now)
		if err == nil && (b.Failures < 1 || b.Failures > maxFailures || len(b.Error) > maxError || b.Again.After(now.Add(longestWait))) {
			t.Errorf("%+v", b)
		}
	})
}

func FuzzParseMACKey(f *testing.F) {
	f.Add("AAECAwQFBgcICQoLDA0ODw\n")
	f.Add("AAEC AwQF")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := parseMACKey(text)
		if (err == nil) != (len(key) >= leastMACKey) {
			t.Errorf("%d octets, %v", len(key), err)
		}
	})
}

// An account is bound to one that the authority knows (RFC 8555 7.3.4); keys that cannot be
// right are refused before anything is sent.
func TestExternalAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, dir := newAuthority(t), t.TempDir()
		a.customer, a.customerKey = "kid-1", bytes.Repeat([]byte{7}, 32)
		file := filepath.Join(dir, "key")
		write := func(text string) {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		m := startManager(t, a, filepath.Join(dir, "without"), nil)
		synctest.Wait()
		if s := m.State(); s.Issued != 0 || !strings.Contains(s.LastError, "external account binding") {
			t.Errorf("without a key: %+v", s)
		}
		m.stop()
		write(base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{8}, 32)))
		m = startManager(t, a, filepath.Join(dir, "wrong"), func(c *Config) { c.External = ExternalAccount{"kid-1", file} })
		synctest.Wait()
		if s := m.State(); s.Issued != 0 || s.Failed != 1 {
			t.Errorf("with a wrong key: %+v", s)
		}
		m.stop()
		write(base64.URLEncoding.EncodeToString(a.customerKey) + "\n")
		m = startManager(t, a, filepath.Join(dir, "right"), func(c *Config) {
			c.External, c.Email = ExternalAccount{"kid-1", file}, "hostmaster@example.net"
		})
		synctest.Wait()
		if s := m.State(); s.Issued != 1 {
			t.Errorf("with a key: %+v\n%s", s, m.log)
		}
		for text, want := range map[string]string{"a b": "not base64url", "AAAA": "3 octets"} {
			write(text)
			_, err := New(Config{Directory: directory, Dir: filepath.Join(dir, "refused"), External: ExternalAccount{"kid-1", file}})
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), text) {
				t.Errorf("%q: %v", text, err)
			}
		}
	})
}
