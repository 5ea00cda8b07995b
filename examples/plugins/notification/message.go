package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/ratchet-runner/ratchet-go/plugin"
)

// A message is one of Slack's incoming webhooks.
type message struct {
	Channel string  `json:"channel,omitempty"`
	Text    string  `json:"text"` // what notifications show
	Blocks  []block `json:"blocks"`
}

// A block is a part of a message.
type block struct {
	Type   string `json:"type"`
	Text   *text  `json:"text,omitempty"`
	Fields []text `json:"fields,omitempty"`
}

// A text is Slack's Markdown.
type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func mrkdwn(format string, args ...any) text {
	return text{"mrkdwn", fmt.Sprintf(format, args...)}
}

// messageOf tells of a job that failed.
func messageOf(e *plugin.Event, channel string) message {
	why, reason := "for no reason that is known", ""
	if e.Error != nil {
		why, reason = e.Error.Message, string(e.Error.Reason)
	}
	headline := mrkdwn(":x: *%s* failed: %s", escape(e.Task), escape(clip(why, 500)))
	return message{
		Channel: channel,
		Text:    fmt.Sprintf("%s failed: %s", escape(e.Task), escape(clip(why, 200))),
		Blocks: []block{
			{Type: "section", Text: &headline},
			{Type: "section", Fields: []text{
				mrkdwn("*Job*\n`%s`", e.Job), mrkdwn("*Reason*\n`%s`", reason),
				mrkdwn("*Attempt*\n%d of %d", e.Attempt, e.MaxAttempts), mrkdwn("*Took*\n%s", e.Duration.Round(time.Millisecond)),
			}},
		},
	}
}

// escape is what Slack wants of text that is no markup.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}

// post sends a message; again says whether it may be taken later.
func (n *notifier) post(ctx context.Context, to string, m message) (again bool, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := n.client.Do(r)
	if err != nil {
		var broken *url.Error // which has the webhook in its text, a secret
		if errors.As(err, &broken) {
			err = broken.Err
		}
		return true, err
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // for the message alone
	if resp.StatusCode < 300 {
		return false, nil
	}
	return resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode >= 500, fmt.Errorf("%s: %s", resp.Status, answer)
}
