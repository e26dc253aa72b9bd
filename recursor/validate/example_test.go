package validate_test

import (
	"context"
	"fmt"
	"log"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// A program that asks any resolver and believes only what is proved.
func Example() {
	client := new(names.Client) // the servers of resolv.conf
	validator := validate.New(validate.Config{Fetcher: validate.FetchFrom(client)})

	question := wire.Question{Name: wire.MustParseName("_443._tcp.example.com."), Type: wire.TypeTLSA, Class: wire.ClassIN}
	message, err := client.Exchange(context.Background(), validate.Query(question))
	if err != nil {
		log.Fatal(err)
	}
	reply, err := validate.ReplyFromMessage(message)
	if err != nil {
		log.Fatal(err)
	}
	result := validator.Check(context.Background(), reply, nil)
	if result.Verdict != validate.Secure {
		log.Fatalf("%v: %s", result.Verdict, result.Reason)
	}
	for _, set := range reply.Answer {
		fmt.Println(set.Name, set.Type, set.Verdict)
	}
}

// A chain whose answers are proved: zones of our own first, then a forwarder
// that is validated.
func ExampleNewResolver() {
	var zones, forwarder names.Resolver = names.ResolverFunc(pass), names.ResolverFunc(pass) // stand for real ones

	validated := validate.NewResolver(forwarder, validate.Config{})
	server := names.Chain{zones, validated}

	fmt.Println(len(server))
	// Output: 2
}

func pass(context.Context, *names.Exchange) error { return names.ErrPass }

// A TLS connection to a server that its TLSA records vouch for: no certificate
// authority and no resolver has to be trusted.
func ExampleClient_DialTLS() {
	client := validate.NewClient(new(names.Client), validate.Config{}) // the servers of resolv.conf
	client.RequireSecure = true

	conn, err := client.DialTLS(context.Background(), wire.MustParseName("mail.example.com."), "192.0.2.25:465")
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
}
