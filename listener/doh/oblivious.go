package doh

import (
	"net/http"
	"strconv"
	"time"

	"github.com/names-dns/names/listener/odoh"
)

var obliviousType = []string{odoh.MediaType}

// open decrypts the query that was read. It returns the status if that fails: 401 has the
// client get the present key (RFC 9230 4.3).
func (e *exchange) open(keys *odoh.Keys) (status int) {
	query, sealed, err := keys.Open(e.query.Bytes(), time.Now())
	switch err {
	case nil:
	case odoh.ErrKey:
		return http.StatusUnauthorized
	case odoh.ErrMessage:
		return http.StatusBadRequest
	default:
		return http.StatusInternalServerError
	}
	e.query.Reset()
	e.query.Write(query)
	e.sealed = sealed
	return 0
}

// serveConfigs is the key for clients, which may keep it until there is another.
func serveConfigs(w http.ResponseWriter, r *http.Request, keys *odoh.Keys) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		fail(w, http.StatusMethodNotAllowed)
		return
	}
	configs, left, err := keys.Configs(time.Now())
	if err != nil {
		fail(w, http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header["Content-Type"] = []string{"application/octet-stream"}
	header["Content-Length"] = []string{strconv.Itoa(len(configs))}
	header["Cache-Control"] = []string{"max-age=" + strconv.Itoa(int(left/time.Second))}
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(configs)
	}
}
