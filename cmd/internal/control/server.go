package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/bound"
)

// DefaultSocket is where names ctl looks for the server.
const DefaultSocket = "/run/names/control.sock"

// socketMode lets the user of the server and its group connect.
const socketMode = 0o660

const maxArguments = 1000

// AtSocket is a server that is wanted at a Unix socket.
func AtSocket(path string, h http.Handler, log *slog.Logger) bound.Wanted {
	return bound.Wanted{Place: bound.Place{What: "control socket", Address: path}, Open: func(func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
		l, err := listen(path)
		if err != nil {
			return nil, nil, err
		}
		return bound.NewHTTP(l, h, nil, log), l.Addr(), nil
	}}
}

// socket is the listener at a Unix socket.
type socket struct {
	net.Listener
	path string
	info os.FileInfo
}

// Close removes the socket, unless another is at its place by now.
func (s *socket) Close() error {
	if info, err := os.Lstat(s.path); err == nil && os.SameFile(info, s.info) {
		os.Remove(s.path)
	}
	return s.Listener.Close()
}

// Addr is where the socket was moved to.
func (s *socket) Addr() net.Addr { return &net.UnixAddr{Name: s.path, Net: "unix"} }

// listen makes the socket in a folder that only this user can enter, and moves it
// to its place when its mode is right: no other user can connect before that.
func listen(path string) (net.Listener, error) {
	switch conn, err := net.Dial("unix", path); {
	case err == nil:
		conn.Close()
		return nil, fmt.Errorf("another server answers at %s: stop it, or give this one another socket", path)
	case errors.Is(err, os.ErrPermission):
		return nil, err
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is there and is not a socket: remove it, or give another path", path)
	}
	folder := filepath.Dir(path)
	if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	private, err := os.MkdirTemp(folder, ".control")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	first := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // Close does it, at the place where the socket is then
	if err = os.Chmod(first, socketMode); err == nil {
		err = os.Rename(first, path)
	}
	var info os.FileInfo
	if err == nil {
		info, err = os.Lstat(path)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return &socket{l, path, info}, nil
}

// Handler answers requests: GET /v1/ lists the verbs, /v1/WORD/WORD?arg=ARGUMENT
// does one. Replies are JSON; errors are {"error": "..."}.
func Handler(verbs []Verb, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	verbs = slices.Clone(verbs)
	for i := range verbs {
		v := &verbs[i]
		v.countArguments()
		method := "GET "
		if v.Changes {
			method = "POST "
		}
		mux.HandleFunc(method+v.path(), func(w http.ResponseWriter, r *http.Request) {
			args := r.URL.Query()["arg"]
			err := v.check(args)
			var value any
			if len(args) > maxArguments {
				err = Usagef("%s: there are too many arguments", v.Name)
			}
			if err == nil {
				if v.Changes {
					log.Info("control", "verb", v.Name, "arguments", args)
				}
				value, err = v.Do(r.Context(), args)
			}
			reply(w, value, err)
		})
	}
	mux.HandleFunc("GET /v1/{$}", func(w http.ResponseWriter, r *http.Request) { reply(w, verbs, nil) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		status, text := http.StatusNotFound, "there is no verb at "+r.URL.Path+"; GET /v1/ lists them"
		for i := range verbs {
			if verbs[i].path() == r.URL.Path {
				status, text = http.StatusMethodNotAllowed, verbs[i].Name+" takes GET"
				if verbs[i].Changes {
					text = verbs[i].Name + " changes something: it takes POST"
				}
			}
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(failure{text})
	})
	return mux
}

// failure is the reply to a request that failed.
type failure struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, value any, err error) {
	w.Header().Set("Content-Type", "application/json")
	status := http.StatusOK
	switch {
	case err == nil:
	case isUsage(err):
		status = http.StatusBadRequest
	default:
		status = http.StatusConflict
	}
	if err != nil {
		value = failure{strings.TrimSpace(err.Error())}
	}
	b, err := json.Marshal(value)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error": "the reply cannot be written as JSON"}`)
	}
	w.WriteHeader(status)
	w.Write(append(b, '\n'))
}
