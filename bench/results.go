//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"text/template"

	"github.com/goroomcast/socketio/bench/load"
)

// write writes RESULTS.md and a plot for each group to a directory.
func (t *cells) write(dir string) error {
	data := report{Cells: t, Machine: machine(), Command: strings.Join(os.Args[1:], " ")}
	for _, s := range t.servers {
		data.Versions = append(data.Versions, version{s.name, s.about, t.versions(s), t.rounds(s)})
	}
	for _, g := range load.Groups {
		p, ok := t.plotGroup(g)
		if !ok {
			continue
		}
		part := section{Group: g, Plot: "results-" + g.Name + ".svg"}
		for _, sc := range t.scenarios {
			if sc.Group == g {
				part.Scenarios = append(part.Scenarios, sc)
			}
		}
		data.Sections = append(data.Sections, part)
		var svg bytes.Buffer
		if err := p.write(&svg); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, part.Plot), svg.Bytes(), 0o644); err != nil {
			return err
		}
	}
	var text bytes.Buffer
	if err := resultsTemplate.Execute(&text, data); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "RESULTS.md"), text.Bytes(), 0o644)
}

// versionText is what the server's version command prints.
func (s *server) versionText(ctx context.Context) string {
	c := exec.CommandContext(ctx, s.version[0], s.version[1:]...)
	c.Dir = s.folder
	out, err := c.Output()
	if err != nil {
		return "unknown: " + err.Error()
	}
	return strings.TrimSpace(string(out))
}

// machine describes processor, system and Go.
func machine() string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		kernel = []byte("unknown")
	}
	return fmt.Sprintf("%d × %s, Linux %s, %s", runtime.NumCPU(), model, bytes.TrimSpace(kernel), runtime.Version())
}

type report struct {
	Cells    *cells
	Machine  string
	Command  string
	Versions []version
	Sections []section
}

type version struct {
	Name, About, Text string
	Rounds            int
}

type section struct {
	Group     *load.Group
	Plot      string
	Scenarios []*load.Scenario
}

func (r report) Remarks() []string { return r.Cells.remarks() }

// Row is a line of a table, between its bars.
func (r report) Row(sc *load.Scenario, text func(*load.Scenario, *server) string) string {
	var row strings.Builder
	for _, s := range r.Cells.servers {
		fmt.Fprintf(&row, " %s |", text(sc, s))
	}
	return row.String()
}

func (r report) Cost(sc *load.Scenario) string    { return r.Row(sc, r.Cells.costWithoutUnit) }
func (r report) Latency(sc *load.Scenario) string { return r.Row(sc, r.Cells.latency) }

// Generator is the CPU time that the load generator spent on a message.
func (r report) Generator(sc *load.Scenario) string {
	return r.Row(sc, func(sc *load.Scenario, s *server) string {
		if m, ok := r.Cells.of[sc][s].median(); ok && m.Client > 0 {
			return figure(m.Client)
		}
		return "–"
	})
}

// WithLatency are the scenarios that have some.
func (r report) WithLatency() (all []*load.Scenario) {
	for _, sc := range r.Cells.compared() {
		if r.Cells.hasLatency(sc) {
			all = append(all, sc)
		}
	}
	return all
}

// Features and Scale are tables in Markdown, "" for none.
func (r report) Features() string { return markdown(r.Cells.features()) }
func (r report) Scale() string    { return markdown(r.Cells.scale()) }

// markdown is a table of rows whose cells have tabs between them.
func markdown(rows []string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.ReplaceAll(row, "\t", " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", strings.Count(row, "\t")+1) + "|\n")
		}
	}
	return b.String()
}

// Variants are this library's servers with a feature.
func (r report) Variants() (all []version) {
	for _, s := range r.Cells.variants {
		all = append(all, version{Name: strings.TrimPrefix(s.name, ours+"/"), About: s.about})
	}
	return all
}

// Head is the head of a table.
func (r report) Head() string {
	var names, lines strings.Builder
	for _, s := range r.Cells.servers {
		fmt.Fprintf(&names, " %s |", s.name)
		lines.WriteString(" --- |")
	}
	return fmt.Sprintf("| |%s\n| --- |%s", names.String(), lines.String())
}

var resultsTemplate = template.Must(template.New("results").Parse(`# Results

Written by ` + "`bench {{.Command}}`" + `: medians of rounds, which are interleaved. Server and load generator shared one machine:
{{.Machine}}.

In parentheses is how many times less than ` + reference + ` a server spends. [README.md](README.md) says what is measured, and what
not to conclude from it.

| server | | version | rounds |
| --- | --- | --- | --- |
{{range .Versions}}| {{.Name}} | {{.About}} | {{.Text}} | {{.Rounds}} |
{{end}}
{{range .Sections}}## {{.Group.Title}}

![{{.Group.Title}}]({{.Plot}})

{{$.Head}}
{{range .Scenarios}}| {{.Name}}, {{.Unit}} |{{$.Cost .}}
{{end}}
{{range .Scenarios}}- {{.Name}}: {{.Does}}
{{end}}
{{end}}{{with .Features}}## What each feature costs

This library's server with one feature each, and how many times as much as without it.

{{.}}
{{range $.Variants}}- {{.Name}}: {{.About}}
{{end}}
{{end}}{{with .Scale}}## Scale

This library's server, and the floor, with more and more clients in rooms of ten: 128 bytes to a room, eight emits on their way. In
parentheses is how many times as much as with the fewest clients. The floor grows, too: each delivery goes to a socket whose data has left
the processor's cache. KiB per client is the growth of the resident size of this library's server, after a garbage collection, with each
client in its room.

{{.}}
{{end}}## Latency

p50 / p99 in ms, from a message's sending to its arrival or reply. All connections share the same few cores with the generator: compare,
don't quote.

{{.Head}}
{{range .WithLatency}}| {{.Name}} |{{$.Latency .}}
{{end}}
## The generator

CPU time it spent itself, µs per message.

{{.Head}}
{{range .WithLatency}}| {{.Name}} |{{$.Generator .}}
{{end}}
## Remarks

{{range .Remarks}}- {{.}}
{{end}}`))
