// Package redact hides secrets in what a task says: it finds them in texts as they
// are, percent-encoded, escaped as in JSON and in base64, and puts placeholders in
// their place. What is a secret, and where what is left goes, the caller knows.
package redact
