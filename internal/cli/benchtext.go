package cli

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	ratchet "github.com/ratchet-runner/ratchet-go"
	"github.com/ratchet-runner/ratchet-go/internal/benchmark"
)

// printBench writes what was measured, for a program or for a person.
func (a *app) printBench(r benchReport, asJSON bool) error {
	if asJSON {
		return a.printValue(r)
	}
	var b strings.Builder
	a.benchSummary(&b, r.Measurement)
	if r.Executions > 0 {
		a.histogram(&b, r.Histogram)
	}
	if r.Comparison != nil {
		a.benchComparison(&b, r.Comparison)
	}
	return a.print(b.String())
}

// benchSummary writes the figures of a measurement, one line each.
func (a *app) benchSummary(b *strings.Builder, m *benchmark.Measurement) {
	line := func(name, text string) { fmt.Fprintf(b, "%s %s\n", a.out.bold(fmt.Sprintf("%-13s", name)), text) }
	text := fmt.Sprintf("%s of %s in %.2f s, %d at once, after %s to warm up", counted(m.Executions, "execution"), harmless(m.Conditions.Task), m.Seconds, m.Conditions.Concurrency, counted(m.Warmup, "more"))
	if m.Interrupted {
		text += a.out.yellow(" (interrupted)")
	}
	line("measured", text)
	if m.Executions > 0 {
		l := m.Latency
		line("executions/s", rate(m.PerSecond))
		line("latency", fmt.Sprintf("p50 %s, p90 %s, p99 %s, max %s", ms(l.P50Ms), ms(l.P90Ms), ms(l.P99Ms), ms(l.MaxMs)))
	}
	line("cold", fmt.Sprintf("%s the first execution, with a new worker; %s to load the task before", ms(m.Cold.FirstMs), ms(m.Cold.LoadMs)))
	if m.Executions > 0 {
		line("processor", processorText(m.CPU))
		line("memory", memoryText(m.Memory))
	}
	if m.Failed == 0 {
		line("failures", "none")
	} else {
		line("failures", a.out.red(fmt.Sprintf("%s of %s", grouped(m.Failed), grouped(m.Failed+m.Executions))))
		for _, f := range m.Failures {
			fmt.Fprintf(b, "  %s × %s: %s\n", grouped(f.Count), f.Reason, harmless(strings.ReplaceAll(f.First, "\n", " ")))
		}
	}
	if m.Kept > 0 {
		line("note", fmt.Sprintf("the percentiles are of %s executions, chosen at random", grouped(m.Kept)))
	}
}

func processorText(c benchmark.CPU) string {
	parts := []string{ms(c.TaskMs) + " the task's code"}
	if c.WorkerMs > 0 {
		parts = append(parts, ms(c.WorkerMs)+" its worker in all")
	}
	if c.ServerMs > 0 {
		parts = append(parts, ms(c.ServerMs)+" the server")
	}
	return strings.Join(parts, ", ") + "; an execution"
}

func memoryText(m benchmark.Memory) string {
	text := fmt.Sprintf("%v the task's values at their peak, at most %v", ratchet.Size(m.TaskMedian), ratchet.Size(m.TaskMax))
	if m.WorkerRSS > 0 {
		text += fmt.Sprintf("; a worker %v (RSS)", ratchet.Size(m.WorkerRSS))
	}
	if m.WorkerPSS > 0 {
		text += fmt.Sprintf(", %v (PSS)", ratchet.Size(m.WorkerPSS))
	}
	return text
}

// barWidth is how long the longest bar of a histogram is.
const barWidth = 40

// histogram draws the latencies.
func (a *app) histogram(b *strings.Builder, buckets []benchmark.Bucket) {
	most, all := 0, 0
	for _, bucket := range buckets {
		most, all = max(most, bucket.Count), all+bucket.Count
	}
	bounds, wide := make([]string, len(buckets)), 0
	for i, bucket := range buckets {
		bounds[i] = bound(bucket.FromMs) + " – " + bound(bucket.ToMs)
		wide = max(wide, utf8.RuneCountInString(bounds[i]))
	}
	b.WriteString("\n" + a.out.bold("latency, ms") + "\n")
	for i, bucket := range buckets {
		bar := strings.Repeat("█", bucket.Count*barWidth/most)
		if bar == "" && bucket.Count > 0 {
			bar = "▏"
		}
		pad := strings.Repeat(" ", barWidth-utf8.RuneCountInString(bar))
		fmt.Fprintf(b, "%*s  %s%s %9s  %4.1f%%\n", wide, bounds[i], a.out.cyan(bar), pad, grouped(bucket.Count), float64(bucket.Count)/float64(all)*100)
	}
}

// bound is a number of milliseconds, as short as it is.
func bound(v float64) string {
	switch {
	case v >= 1000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strconv.FormatFloat(v, 'f', 3, 64)
	}
}

// benchComparison writes both measurements side by side.
func (a *app) benchComparison(b *strings.Builder, c *comparison) {
	fmt.Fprintf(b, "\n%s\n", a.out.bold(fmt.Sprintf("against %s, recorded %s", c.With, c.At.Local().Format("2006-01-02 15:04"))))
	for _, warning := range c.Warnings {
		fmt.Fprintf(b, "%s %s\n", a.out.yellow("warning:"), harmless(warning))
	}
	rows, wide := [][]string{{"", "recorded", "now", "now/recorded"}}, [3]int{13}
	beyond, unclear := 0, 0
	for _, d := range c.Differences {
		show := shownAs(d.Quantity)
		word := a.out.dim(show.verdict(d))
		switch d.Verdict {
		case benchmark.Better:
			beyond++
			word = a.out.green(show.verdict(d))
		case benchmark.Worse:
			beyond++
			word = a.out.red(show.verdict(d))
		case benchmark.Unclear:
			unclear++
		}
		ratio := "    -"
		if d.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f×", d.Ratio)
		}
		rows = append(rows, []string{show.name, spreadText(d.Old, show.text), spreadText(d.New, show.text), ratio + "  " + word})
	}
	for _, row := range rows {
		for i := range wide {
			wide[i] = max(wide[i], utf8.RuneCountInString(row[i]))
		}
	}
	for _, row := range rows {
		fmt.Fprintf(b, "%s %-*s  %-*s  %s\n", a.out.bold(fmt.Sprintf("%-*s", wide[0], row[0])), wide[1], row[1], wide[2], row[2], row[3])
	}
	b.WriteString("(of the parts of each run: the median, and the range without a tenth at either end)\n")
	switch {
	case beyond > 0:
		fmt.Fprintf(b, "%s beyond the noise of these two runs; measure again before you believe it\n", oneOrMany(beyond, "difference is", "differences are"))
	case unclear == len(c.Differences):
		b.WriteString("too few executions to tell a difference from noise; measure for longer\n")
	default:
		b.WriteString("no difference beyond the noise\n")
	}
}

func oneOrMany(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// A shown is how a quantity is written.
type shown struct {
	name        string
	text        func(float64) string
	less, great string // what a value below or above the old one is called
}

func shownAs(q benchmark.Quantity) shown {
	switch q {
	case benchmark.PerSecond:
		return shown{"executions/s", rate, "fewer", "more"}
	case benchmark.TaskCPU:
		return shown{"task's CPU", ms, "less", "more"}
	case benchmark.TaskMemory:
		return shown{"task's memory", func(v float64) string { return ratchet.Size(v).String() }, "less", "more"}
	default:
		return shown{strings.TrimSuffix(string(q), "Ms"), ms, "faster", "slower"}
	}
}

// verdict says what became of the quantity.
func (s shown) verdict(d benchmark.Difference) string {
	switch {
	case d.Verdict == benchmark.Noise:
		return "no difference beyond the noise"
	case d.Verdict == benchmark.Unclear:
		return "too few executions to tell"
	case d.New.Median < d.Old.Median:
		return s.less
	default:
		return s.great
	}
}

// spreadText is the median, and the range where there is one.
func spreadText(s benchmark.Spread, text func(float64) string) string {
	if s.Low == s.High {
		return text(s.Median)
	}
	return fmt.Sprintf("%s (%s – %s)", text(s.Median), text(s.Low), text(s.High))
}

// ms writes a number of milliseconds with three digits or so.
func ms(v float64) string {
	switch {
	case v >= 1000:
		return fmt.Sprintf("%.2f s", v/1000)
	case v >= 100:
		return fmt.Sprintf("%.0f ms", v)
	case v >= 10:
		return fmt.Sprintf("%.1f ms", v)
	case v >= 1:
		return fmt.Sprintf("%.2f ms", v)
	default:
		return fmt.Sprintf("%.3f ms", v)
	}
}

// rate writes a number a second with three digits or more.
func rate(v float64) string {
	switch {
	case v >= 100:
		return grouped(int(v + 0.5))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	default:
		return fmt.Sprintf("%.2f", v)
	}
}

// counted is count with the number in groups.
func counted(n int, what string) string {
	_, text, _ := strings.Cut(count(n, what), " ")
	if what == "more" {
		text = what
	}
	return grouped(n) + " " + text
}

// grouped writes a number with its digits in groups of three.
func grouped(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
