package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/goroomcast/socketio"
)

// A Status says how an order stands.
type Status string

const (
	Open   Status = "open"
	Closed Status = "closed"
)

type Level int

const (
	Low  Level = 1
	High Level = 2
)

// Base is embedded.
type Base struct {
	// ID tells orders apart.
	ID   int64 `json:"id"`
	Note string
}

// An Order has a field of each kind.
//
// Its comment has two paragraphs.
type Order struct {
	Base
	Status   Status             `json:"status"`
	Level    Level              `json:"level"`
	Price    float64            `json:"price,string"` // in a string, to be exact
	Tags     []string           `json:"tags"`
	Extra    []string           `json:"extra,omitempty"`
	Counts   map[string]int     `json:"counts"`
	ByStatus map[Status]uint8   `json:"by-status,omitzero"`
	Parent   *Order             `json:"parent"`
	Maybe    *bool              `json:"maybe,omitempty"`
	At       time.Time          `json:"at"`
	Took     time.Duration      `json:"took"`
	Raw      json.RawMessage    `json:"raw"`
	Any      any                `json:"any"`
	Pair     [2]float32         `json:"pair"`
	Matrix   [][]int            `json:"matrix"`
	Point    struct{ X, Y int } `json:"point"`
	Code     Code               `json:"code"`
	Word     Word               `json:"word"`
	Item     Item               `json:"item"`
	Hidden   string             `json:"-"`
	private  int
}

// A File has binary, so that clients send another form than they receive.
type File struct {
	Name  string            `json:"name"`
	Data  []byte            `json:"data"`
	Parts map[string][]byte `json:"parts,omitempty"`
}

type Item struct {
	Title string `json:"title"`
}

// A Page is generic.
type Page[T any] struct {
	Items []T `json:"items"`
	Next  int `json:"next,omitempty"`
}

// A Tree has itself in it.
type Tree map[string]Tree

// A Code marshals itself to a number.
//
//socketio:ts number
type Code struct{ n int }

func (c Code) MarshalJSON() ([]byte, error) { return json.Marshal(c.n) }

func (c *Code) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &c.n) }

// An Odd marshals itself to what only it knows.
type Odd struct{}

func (Odd) MarshalJSON() ([]byte, error) { return []byte(`[1,"two"]`), nil }

func (*Odd) UnmarshalJSON(text []byte) error {
	if string(text) != `[1,"two"]` {
		return fmt.Errorf("got %s", text)
	}
	return nil
}

// A Word is text.
type Word struct{ letters []string }

func (w Word) MarshalText() ([]byte, error) { return []byte(strings.Join(w.letters, "")), nil }

func (w *Word) UnmarshalText(text []byte) error {
	w.letters = strings.Split(string(text), "")
	return nil
}

// Direct has the arguments of an event as its fields.
type Direct struct {
	socketio.Args
	To     string
	Text   string
	Urgent *bool
	Extra  json.RawMessage
}

// A Receipt has the values of an acknowledgement as its fields.
type Receipt struct {
	socketio.Args
	Item   Item
	Urgent *bool
	Extra  json.RawMessage
}

// A Position is what a client replies.
type Position struct {
	socketio.Args
	X, Y  float64
	Label *string
}
