package cli

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/client"
)

// defaultServer is where a server listens that was told nothing.
const defaultServer = "http://127.0.0.1:8080"

// A remote is what the commands that talk to a server have in common.
type remote struct {
	app    *app
	server string
	key    string
	json   bool
}

// noun returns the command of a noun, whose commands get the flags that say which
// server to ask.
func (a *app) noun(use, short, example string, commands ...func(*remote) *cobra.Command) *cobra.Command {
	r := &remote{app: a}
	cmd := &cobra.Command{
		Use: use, Short: short, Long: short + ", on a running server.", Example: example,
		Args: func(cmd *cobra.Command, args []string) error { return unknownCommand(cmd, args) },
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	under(cmd.PersistentFlags(), "Server", func(flags *pflag.FlagSet) {
		flags.StringVar(&r.server, "server", "", "the server's `URL` (also RATCHET_SERVER; default "+defaultServer+")")
		flags.StringVar(&r.key, "api-key", "", "the `KEY` to show it (better RATCHET_API_KEY: others see flags)")
		flags.BoolVar(&r.json, "json", false, "print JSON")
	})
	for _, command := range commands {
		cmd.AddCommand(command(r))
	}
	return cmd
}

// client returns the client of the server that was named.
func (r *remote) client() (*client.Client, error) {
	server := orDefault(r.server, orDefault(r.app.getenv("RATCHET_SERVER"), defaultServer))
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	return client.New(server, client.Options{Key: orDefault(r.key, r.app.getenv("RATCHET_API_KEY")), UserAgent: "ratchet"})
}

func orDefault(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

// call runs f with the client, and says what to do where nobody answers.
func (r *remote) call(ctx context.Context, f func(context.Context, *client.Client) error) error {
	c, err := r.client()
	if err != nil {
		return err
	}
	err = f(ctx, c)
	if broken, ok := errors.AsType[*url.Error](err); ok && ctx.Err() == nil {
		return &failure{
			err:  ratchet.Errorf(ratchet.ReasonServiceUnavailable, "no server answers at %s: %w", strings.TrimSuffix(broken.URL, pathOf(broken.URL)), broken.Err),
			hint: "start one with ratchet serve, or name another with --server URL or RATCHET_SERVER",
		}
	}
	if answered, ok := errors.AsType[*client.Error](err); ok {
		return explained(answered)
	}
	return err
}

func pathOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.RequestURI()
}

// explained explains an error that the server gave.
func explained(e *client.Error) error {
	f := &failure{err: e.Err}
	if d := e.Err.Details; len(d) == 1 && (strings.HasSuffix(e.Err.Message, d[0].Message) || strings.HasSuffix(d[0].Message, e.Err.Message)) {
		f.headline = short(describe(d[0]), maxHeadline) // which says the same, and what would be right
	} else if len(d) > 0 {
		f.err = placed(e.Err)
	}
	switch e.Err.Code {
	case ratchet.CodeUnauthenticated:
		f.hint = "show an API key: RATCHET_API_KEY=rk_…; on the server's machine ratchet key create NAME makes one"
	case ratchet.CodeExhausted:
		if e.RetryAfter > 0 {
			f.hint = "try again in " + e.RetryAfter.String()
		}
	case ratchet.CodeInternal:
		f.headline = "the server failed"
		f.id = e.RequestID
	}
	return f
}

// maxHeadline bounds what is said of one thing: a list has some hundred filters.
const maxHeadline = 400

// placed gives what is wrong with no part of the body a place of its own, which is
// not the root of a document.
func placed(e *ratchet.Error) *ratchet.Error {
	shown := *e
	shown.Details = slices.Clone(e.Details)
	for i := range shown.Details {
		d := &shown.Details[i]
		if d.Pointer == "" && d.File == "" {
			d.Pointer = "the request"
		}
		d.Expected = short(d.Expected, maxHeadline)
	}
	return &shown
}

// show prints v as JSON if that was asked for, else as text.
func (r *remote) show(v any, text func() string) error {
	if r.json {
		return r.app.printValue(v)
	}
	return r.app.print(text())
}

// table writes rows under their headings, or says that there are none.
func (a *app) table(none string, headings []string, rows [][]string) string {
	if len(rows) == 0 {
		return none + "\n"
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(headings, "\t"))
	for _, row := range rows {
		for i, cell := range row {
			row[i] = short(harmless(strings.ReplaceAll(cell, "\n", " ")), 60)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	_ = w.Flush() // to a Builder, which takes everything
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	lines[0] = a.out.bold(lines[0])
	return strings.Join(lines, "\n")
}

// short cuts a text to n characters.
func short(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// card writes names and values below each other, without those that are empty.
func (a *app) card(rows ...[2]string) string {
	var b strings.Builder
	width := 0
	for _, row := range rows {
		if row[1] != "" {
			width = max(width, len(row[0]))
		}
	}
	for _, row := range rows {
		if row[1] != "" {
			fmt.Fprintf(&b, "%s  %s\n", a.out.bold(fmt.Sprintf("%-*s", width, row[0])), harmless(row[1]))
		}
	}
	return b.String()
}

// ago writes how long t is past, or ahead.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := time.Since(t)
	if d < 0 {
		return "in " + rough(-d)
	}
	return rough(d) + " ago"
}

func rough(d time.Duration) string {
	switch {
	case d < time.Second:
		return "0s"
	case d < time.Hour:
		return ratchet.Duration(d.Round(time.Second)).String()
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// instant writes a time whole.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format(time.RFC3339) + " (" + ago(t) + ")"
}

// A listing is what the list commands have in common.
type listing struct {
	filters []string
	sort    string
	limit   int
	cursor  string
	all     bool
}

func (l *listing) define(flags *pflag.FlagSet, fields []ratchet.Field) {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	flags.StringArrayVarP(&l.filters, "filter", "f", nil, "`FIELD=VALUE`, FIELD_gte=VALUE, FIELD_like=VALUE and so on; repeatable. Fields: "+strings.Join(names, ", "))
	flags.StringVar(&l.sort, "sort", "", "a `FIELD` to sort by, -FIELD for the greatest first; several with commas")
	flags.IntVarP(&l.limit, "limit", "n", ratchet.DefaultLimit, "how `MANY` to list")
	flags.StringVar(&l.cursor, "cursor", "", "go on after a page, with the `TEXT` that it ended with")
	flags.BoolVar(&l.all, "all", false, "list all there are")
}

// query makes a query of the flags. A filter's name goes to the server as it is,
// which knows what it allows.
func (l *listing) query(more ...ratchet.Filter) (ratchet.Query, error) {
	q := ratchet.Query{Limit: l.limit, After: l.cursor, Filters: more}
	if l.limit < 0 || l.limit > ratchet.MaxLimit {
		return q, usage("--all lists all there are", "--limit %d is out of bounds: want 1 to %d", l.limit, ratchet.MaxLimit)
	}
	for _, text := range l.filters {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return q, usage("as in --filter task=addition or --filter createdAt_gte=2026-01-31T00:00:00Z", "--filter %q is no FIELD=VALUE", text)
		}
		q.Filters = append(q.Filters, ratchet.Filter{Field: name, Values: []string{value}})
	}
	for field := range strings.SplitSeq(l.sort, ",") {
		if field != "" {
			name, desc := strings.CutPrefix(field, "-")
			q.Sort = append(q.Sort, ratchet.Sort{Field: name, Desc: desc})
		}
	}
	if l.all {
		q.Limit = ratchet.MaxLimit
	}
	return q, nil
}

// where adds a filter if the value was given.
func where(filters []ratchet.Filter, field, value string) []ratchet.Filter {
	if value == "" {
		return filters
	}
	return append(filters, ratchet.Filter{Field: field, Values: []string{value}})
}

// pages reads what a listing asks for and prints it.
func pages[T any](ctx context.Context, r *remote, l *listing, filters []ratchet.Filter,
	page func(context.Context, ratchet.Query) (ratchet.Page[T], error), text func([]T) string,
) error {
	q, err := l.query(filters...)
	if err != nil {
		return err
	}
	p, err := page(ctx, q)
	if err != nil {
		return err
	}
	for l.all && p.Next != "" {
		q.After, q.Offset = p.Next, 0
		more, err := page(ctx, q)
		if err != nil {
			return err
		}
		p.Items, p.Next = append(p.Items, more.Items...), more.Next
	}
	if r.json {
		if p.Items == nil {
			p.Items = []T{}
		}
		return r.app.printValue(p.Items)
	}
	if err := r.app.print(text(p.Items)); err != nil {
		return err
	}
	if p.Next != "" {
		total := "more than " + grouped(ratchet.CountedTotal)
		if p.Total >= 0 {
			total = grouped(p.Total)
		}
		fmt.Fprintln(r.app.Stderr, r.app.err.dim(fmt.Sprintf("%s of %s; go on with --cursor %s, or --all", grouped(len(p.Items)), total, p.Next)))
	}
	return nil
}
