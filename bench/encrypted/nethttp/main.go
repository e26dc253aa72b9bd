// Nethttp answers every request over HTTPS with the same message, with net/http and nothing else:
// what a server that uses it can save at the most.
//
//	nethttp ADDRESS TLS.PEM
package main

import (
	"encoding/hex"
	"log"
	"net/http"
	"os"
	"strconv"
)

func main() {
	// www.example.com. A 192.0.2.80
	reply, err := hex.DecodeString("00008500000100010000000003777777076578616d706c6503636f6d0000010001c00c0001000100000e100004c0000250")
	if err != nil {
		log.Fatal(err)
	}
	kind, length, age := []string{"application/dns-message"}, []string{strconv.Itoa(len(reply))}, []string{"max-age=3600"}
	log.Fatal(http.ListenAndServeTLS(os.Args[1], os.Args[2], os.Args[2], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h["Content-Type"], h["Content-Length"], h["Cache-Control"] = kind, length, age
		w.Write(reply)
	})))
}
