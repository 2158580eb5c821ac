//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"

	"github.com/goroomcast/socketio/bench/load"
)

// A keptCell is a cell in a file, so that the rounds of a long run can be
// several runs.
type keptCell struct {
	Results []load.Result
	Version string `json:",omitempty"`
	Failed  string `json:",omitempty"`
}

// kept are the cells of a file by scenario and server. Those that this run does
// not concern stay in the file.
type kept map[string]map[string]*keptCell

func readKept(file string) (kept, error) {
	all := make(kept)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	} else if err != nil {
		return nil, err
	}
	return all, json.Unmarshal(text, &all)
}

// read adds what a file contains of these cells. Without a file it does nothing,
// and so does keep.
func (t *cells) read(file string) error {
	if file == "" {
		return nil
	}
	all, err := readKept(file)
	if err != nil {
		return err
	}
	for sc, row := range t.of {
		for s, c := range row {
			if k := all[sc.Name][s.name]; k != nil {
				c.results, c.version = k.Results, k.Version
				if k.Failed != "" {
					c.failed = errors.New(k.Failed)
				}
			}
		}
	}
	return nil
}

// keep writes these cells to a file.
func (t *cells) keep(file string) error {
	if file == "" {
		return nil
	}
	all, err := readKept(file)
	if err != nil {
		return err
	}
	for sc, row := range t.of {
		if all[sc.Name] == nil {
			all[sc.Name] = make(map[string]*keptCell)
		}
		for s, c := range row {
			k := &keptCell{Results: c.results, Version: c.version}
			if c.failed != nil {
				k.Failed = c.failed.Error()
			}
			all[sc.Name][s.name] = k
		}
	}
	text, err := json.MarshalIndent(all, "", "\t")
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o644)
}
