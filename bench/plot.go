//go:build linux

package main

import (
	"io"
	"text/template"

	"github.com/goroomcast/socketio/bench/load"
)

// A plot has a row of bars for each scenario of a group, one per server.
// Each scenario has a scale of its own, as their figures are worlds apart.
type plot struct {
	Title         string
	Width, Height int
	Blocks        []block
}

// A block is one scenario of a plot.
type block struct {
	Name string
	Y    int
	Bars []bar
}

// A bar is one server's; without length it says why.
type bar struct {
	Server, Label string
	Y, Length     int
	Ours          bool
}

const (
	plotWidth  = 760
	barLeft    = 230 // where bars begin
	barLongest = 380
	barStep    = 18
	blockGap   = 16
	plotTop    = 44
)

// plotGroup lays a group out, or returns false if it has no figures.
func (t *cells) plotGroup(g *load.Group) (p plot, ok bool) {
	p = plot{Title: g.Title + ", less is better", Width: plotWidth}
	y := plotTop
	for _, sc := range t.scenarios {
		if sc.Group != g {
			continue
		}
		largest := 0.0
		for _, s := range t.servers {
			if r, fine := t.of[sc][s].median(); fine {
				largest = max(largest, r.Cost)
				ok = true
			}
		}
		b := block{Name: sc.Name, Y: y}
		for _, s := range t.servers {
			r, fine := t.of[sc][s].median()
			one := bar{Server: s.name, Label: t.of[sc][s].without(), Y: y, Ours: s.name == ours}
			if fine {
				one.Label = t.cost(sc, s, " "+sc.Unit)
				if largest > 0 {
					one.Length = int(max(0, r.Cost) / largest * barLongest)
				}
			}
			b.Bars = append(b.Bars, one)
			y += barStep
		}
		p.Blocks = append(p.Blocks, b)
		y += blockGap
	}
	p.Height = y
	return p, ok
}

// The colours are readable on white and on black.
var plotTemplate = template.Must(template.New("plot").Funcs(template.FuncMap{
	"add": func(a, b int) int { return a + b },
}).Parse(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{.Width}} {{.Height}}" width="{{.Width}}" height="{{.Height}}" role="img">
<title>{{.Title}}</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #7b8087 }
.title { font-size: 15px; font-weight: 600 }
.name { font-weight: 600 }
rect { fill: #8a96a3 }
.ours { fill: #d9733b }
</style>
<text class="title" x="8" y="22">{{.Title}}</text>
{{range .Blocks}}<text class="name" x="8" y="{{add .Y 13}}">{{.Name}}</text>
{{range .Bars}}<text x="{{$.Left}}" y="{{add .Y 13}}" text-anchor="end">{{.Server}}</text>
<rect{{if .Ours}} class="ours"{{end}} x="{{$.BarLeft}}" y="{{add .Y 3}}" width="{{.Length}}" height="12" rx="2"/>
<text x="{{add .Length $.LabelLeft}}" y="{{add .Y 13}}">{{.Label}}</text>
{{end}}{{end}}</svg>
`))

// The columns, for the template.
func (plot) Left() int      { return barLeft - 8 }
func (plot) BarLeft() int   { return barLeft }
func (plot) LabelLeft() int { return barLeft + 6 }

func (p plot) write(w io.Writer) error { return plotTemplate.Execute(w, p) }
