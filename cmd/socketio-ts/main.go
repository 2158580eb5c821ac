// Command socketio-ts writes the events of a Go program as TypeScript types
// for socket.io-client:
//
//	//go:generate go tool socketio-ts -o web/src/events.ts ./...
//
// It reads the program's source and finds the events by the calls of package
// socketio: On, OnCall and the method On for events that clients send, Emit,
// Call and their relatives for events that the server sends. The result is
// two interfaces for each namespace, ClientToServerEvents and
// ServerToClientEvents, and the types of their arguments.
//
// With -check the command writes nothing and fails if the file is not what it
// would write. With -node binary values are Buffers, for clients in Node.js.
// With -strict an event whose name is not a constant is an error instead of a
// warning; the comment
//
//	//socketio:event [namespace] name
//
// above a call names its event, and
//
//	//socketio:ts type
//
// above the declaration of a Go type gives its TypeScript type.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "socketio-ts:", err)
		os.Exit(1)
	}
}

// A config is what the command line says.
type config struct {
	dir    string // of the program; the working directory if empty
	strict bool
	node   bool
}

func run(args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("socketio-ts", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: socketio-ts [flags] [packages]")
		flags.PrintDefaults()
	}
	var c config
	output := flags.String("o", "", "the file to write; standard output if empty")
	check := flags.Bool("check", false, "write nothing, and fail if the file is not up to date")
	flags.BoolVar(&c.strict, "strict", false, "fail if the name of an event is not a constant")
	flags.BoolVar(&c.node, "node", false, "binary values are Buffers, as in Node.js")
	flags.StringVar(&c.dir, "C", "", "the folder of the program; the working directory if empty")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case *check && *output == "":
		return errors.New("-check needs -o")
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"./..."}
	}
	text, warnings, err := generate(c, patterns)
	for _, w := range warnings {
		fmt.Fprintln(stderr, w)
	}
	switch {
	case err != nil:
		return err
	case c.strict && len(warnings) > 0:
		return fmt.Errorf("%d warnings, and -strict is set", len(warnings))
	case *output == "":
		_, err := stdout.Write(text)
		return err
	}
	old, err := os.ReadFile(*output)
	switch {
	case err == nil && bytes.Equal(old, text):
		return nil
	case *check:
		return fmt.Errorf("%s is not up to date: run go generate", *output)
	}
	return os.WriteFile(*output, text, 0o644)
}

// generate returns the TypeScript of a program's events, and warnings about the
// events that it left out.
func generate(c config, patterns []string) (text []byte, warnings []string, err error) {
	p, err := load(c.dir, patterns)
	if err != nil {
		return nil, nil, err
	}
	found := newScan(p)
	found.run()
	w := newWriter(p, c.node)
	text, err = w.file(found.events)
	return text, found.warnings, err
}
