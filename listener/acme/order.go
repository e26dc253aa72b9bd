package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// attempt gets a certificate and puts it into the file (RFC 8555 7.4).
func (m *Manager) attempt(ctx context.Context) (*x509.Certificate, error) {
	if m.unsaved != nil {
		// It was issued and could not be written: that is tried again, instead of an
		// order more.
		if leaf, err := m.parse(m.unsaved); err == nil {
			return leaf, m.save(m.unsaved)
		}
		m.unsaved = nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	keyText, err := encodeKey(key)
	if err != nil {
		return nil, err
	}
	// Authorities issue few certificates for a name in a week: a disk that is full has
	// to show before one is wasted.
	if err := m.probe(keyText); err != nil {
		return nil, err
	}
	client := m.client()
	if err := m.register(ctx, client); err != nil {
		return nil, fmt.Errorf("account: %w", explain(err))
	}
	order, err := client.AuthorizeOrder(ctx, acme.DomainIDs(m.config.Names...))
	if err != nil {
		return nil, fmt.Errorf("order: %w", explain(err))
	}
	if order, err = m.authorize(ctx, client, order); err != nil {
		return nil, err
	}
	request, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: m.config.Names}, key)
	if err != nil {
		return nil, err
	}
	chain, _, err := client.CreateCertFromOrder(ctx, order, request, true)
	if err != nil {
		return nil, fmt.Errorf("finalising the order: %w", explain(err))
	}
	text := bytes.NewBuffer(m.preamble())
	text.Write(keyText)
	for _, der := range chain {
		if err := pem.Encode(text, &pem.Block{Type: "CERTIFICATE", Bytes: der}); err != nil {
			return nil, err
		}
	}
	leaf, err := m.parse(text.Bytes())
	if err != nil {
		return nil, fmt.Errorf("what the authority has issued: %w", err)
	}
	m.unsaved = text.Bytes()
	return leaf, m.save(text.Bytes())
}

// client is what talks to the authority, for one attempt.
func (m *Manager) client() *acme.Client {
	return &acme.Client{
		Key: m.account, DirectoryURL: m.config.Directory, UserAgent: m.config.UserAgent,
		HTTPClient: m.httpClient(true), RetryBackoff: retryRequest,
	}
}

// register finds the account of our key, or makes one (RFC 8555 7.3).
func (m *Manager) register(ctx context.Context, client *acme.Client) error {
	account := &acme.Account{ExternalAccountBinding: m.external}
	if m.config.Email != "" {
		account.Contact = []string{"mailto:" + m.config.Email}
	}
	_, err := client.Register(ctx, account, acme.AcceptTOS) // the operator has accepted them, or there was no manager
	if !errors.Is(err, acme.ErrAccountAlreadyExists) {
		return err
	}
	if account.Contact != nil {
		account.ExternalAccountBinding = nil
		if _, err := client.UpdateReg(ctx, account); err != nil {
			m.config.Log.Warn("the authority does not take the mail address", "email", m.config.Email, "error", err)
		}
	}
	return nil
}

// challenge is one that was published.
type challenge struct {
	authorization string // its URL
	identifier    string
	name, value   string
	accept        *acme.Challenge
}

// authorize shows that the names of an order are ours (RFC 8555 7.5).
func (m *Manager) authorize(ctx context.Context, client *acme.Client, order *acme.Order) (*acme.Order, error) {
	if len(order.AuthzURLs) > 2*len(m.config.Names) {
		return nil, fmt.Errorf("order: the authority wants %d proofs for %d names", len(order.AuthzURLs), len(m.config.Names))
	}
	var open []challenge
	for _, url := range order.AuthzURLs {
		a, err := client.GetAuthorization(ctx, url)
		if err != nil {
			return nil, fmt.Errorf("order: %w", explain(err))
		}
		if a.Status == acme.StatusValid {
			continue // proved not long ago
		}
		c := challenge{authorization: url, identifier: a.Identifier.Value, name: challengeLabel + "." + a.Identifier.Value}
		for _, offered := range a.Challenges {
			if offered.Type == "dns-01" {
				c.accept = offered
			}
		}
		if c.accept == nil {
			return nil, fmt.Errorf("order: the authority does not offer DNS-01 for %s", c.identifier)
		}
		if !m.isOurs(c.identifier) {
			return nil, fmt.Errorf("order: the authority wants a proof for %q, which was not ordered", c.identifier)
		}
		if c.value, err = client.DNS01ChallengeRecord(c.accept.Token); err != nil {
			return nil, err
		}
		open = append(open, c)
	}
	defer m.remove(open)
	if err := m.note(open); err != nil {
		return nil, err
	}
	for _, c := range open {
		if err := m.config.Challenges.Publish(ctx, c.name, c.value); err != nil {
			return nil, fmt.Errorf("publishing %s: %w", c.name, err)
		}
	}
	for _, c := range open {
		if _, err := client.Accept(ctx, c.accept); err != nil {
			return nil, fmt.Errorf("challenge for %s: %w", c.identifier, explain(err))
		}
	}
	for _, c := range open {
		if _, err := client.WaitAuthorization(ctx, c.authorization); err != nil {
			return nil, fmt.Errorf("challenge for %s: %w", c.identifier, explain(waited(err)))
		}
	}
	order, err := client.WaitOrder(ctx, order.URI)
	if err != nil {
		return nil, fmt.Errorf("order: %w", explain(waited(err)))
	}
	return order, nil
}

// challengeLabel begins the names of challenges (RFC 8555 8.4).
const challengeLabel = "_acme-challenge"

// isOurs reports whether an identifier is that of a name which was ordered: the
// authority does not get to choose where records are published.
func (m *Manager) isOurs(identifier string) bool {
	for _, name := range m.config.Names {
		if strings.EqualFold(strings.TrimPrefix(name, "*."), identifier) {
			return true
		}
	}
	return false
}

func waited(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the authority has not decided within %v: %w", attemptTime, err)
	}
	return err
}

// remove removes what was published.
func (m *Manager) remove(all []challenge) {
	removed := true
	for _, c := range all {
		if err := m.config.Challenges.Remove(c.name, c.value); err != nil {
			removed = false
			m.config.Log.Warn("record of a challenge not removed", "name", c.name, "value", c.value, "error", err)
		}
	}
	if removed {
		m.forget()
	}
}

// parse reads a file of ours, and reports what keeps it from being used.
func (m *Manager) parse(text []byte) (*x509.Certificate, error) {
	leaf, err := parsePair(text)
	if err != nil {
		return nil, err
	}
	for _, name := range m.config.Names {
		if err := leaf.VerifyHostname(strings.Replace(name, "*.", "any.", 1)); err != nil {
			return nil, err
		}
	}
	if !leaf.NotAfter.After(time.Now()) || !leaf.NotBefore.Before(leaf.NotAfter) {
		return nil, fmt.Errorf("the certificate ended on %v", leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return leaf, nil
}
