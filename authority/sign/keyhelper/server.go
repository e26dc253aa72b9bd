package keyhelper

import (
	"bufio"
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/names-dns/names/authority/sign"
)

// maxClients bounds how many connections a helper has.
const maxClients = 64

// writeTimeout is how long a client may take to read a reply.
const writeTimeout = 10 * time.Second

// socketMode lets only the owner of the socket connect.
const socketMode = 0o600

// Listen makes a socket that only this user can connect to, in place of one that no
// process listens at.
func Listen(path string) (*net.UnixListener, error) {
	if conn, err := net.Dial("unix", path); err == nil {
		conn.Close()
		return nil, fmt.Errorf("another process listens at %s", path)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket == 0 {
		return nil, fmt.Errorf("%s is there and is not a socket: remove it, or give another path", path)
	}
	private, err := os.MkdirTemp(filepath.Dir(path), ".keys") // that no other user can enter
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	first := filepath.Join(private, "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: first, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err = os.Chmod(first, socketMode); err == nil {
		err = os.Rename(first, path)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Serve answers requests that come in over l, until ctx is done, out of keys, and closes l. Only
// processes of this user and of root are answered, and those of the users with these IDs.
// Requests of one connection are done one after the other, those of several at the same
// time.
func Serve(ctx context.Context, l *net.UnixListener, keys sign.Device, log *slog.Logger, users ...int) error {
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, maxClients)
	ctx, cancel := context.WithCancel(ctx)
	closed := make(chan struct{})
	context.AfterFunc(ctx, func() { l.Close(); close(closed) })
	defer func() {
		cancel() // clients do not leave by themselves
		<-closed // so that another process can take the place of this one
	}()
	users = append([]int{os.Geteuid(), 0}, users...)
	for {
		slots <- struct{}{} // more clients wait in the socket
		conn, err := l.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		all.Go(func() {
			defer func() { <-slots }()
			defer conn.Close()
			stop := context.AfterFunc(ctx, func() { conn.Close() })
			defer stop()
			if err := checkPeer(conn, users...); err != nil {
				log.Warn("client refused", "error", err)
				return
			}
			if err := serveOne(conn, keys, log); err != nil && ctx.Err() == nil {
				log.Warn("connection of a client ended", "error", err)
			}
		})
	}
}

// serveOne answers the requests of one client.
func serveOne(conn net.Conn, keys sign.Device, log *slog.Logger) error {
	send := func(message any) error {
		line, err := appendLine(nil, message)
		if err != nil {
			return err
		}
		if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
			return err
		}
		_, err = conn.Write(line)
		return err
	}
	if err := send(greeting{protocol, version}); err != nil {
		return err
	}
	read := bufio.NewReader(conn)
	var room []byte
	for {
		line, err := readLine(read, room)
		if err != nil {
			if len(line) == 0 && !errors.Is(err, errLong) {
				return nil // the client has gone
			}
			return err
		}
		room = line
		answer, err := do(line, keys)
		if err != nil {
			log.Warn("request not done", "error", err)
			text := err.Error()
			answer = reply{Error: text[:min(len(text), maxErrorText)]}
		}
		if err := send(answer); err != nil {
			return err
		}
	}
}

// do does one request.
func do(line []byte, keys sign.Device) (answer reply, err error) {
	r, hash, err := parseRequest(line)
	if err != nil {
		return answer, err
	}
	var public crypto.PublicKey
	switch r.Do {
	case doSign:
		answer.Signature, err = keys.Sign(r.Label, r.Digest, hash)
		return answer, err
	case doPublic:
		public, err = keys.Public(r.Label)
	case doGenerate:
		public, err = keys.Generate(r.Label, r.Algorithm, r.Bits)
	}
	if err == nil {
		answer.Public, err = sign.MarshalPublic(public)
	}
	return answer, err
}
