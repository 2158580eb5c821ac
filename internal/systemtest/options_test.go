package systemtest

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/goroomcast/socketio"
	"github.com/goroomcast/socketio/internal/rawclient"
	. "github.com/goroomcast/socketio/internal/testserver"
)

// numbers calls f with each number in options, and in the structs in them.
func numbers(v reflect.Value, name string, f func(name string, number reflect.Value)) {
	for i := range v.NumField() {
		field, name := v.Field(i), name+v.Type().Field(i).Name
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		switch field.Kind() {
		case reflect.Struct:
			numbers(field, name+".", f)
		case reflect.Int, reflect.Int64, reflect.Float64:
			f(name, field)
		}
	}
}

// setLargest sets a number to the largest of its type.
func setLargest(number reflect.Value) {
	if number.Kind() == reflect.Float64 {
		number.SetFloat(math.Inf(1))
		return
	}
	number.SetInt(1<<(number.Type().Bits()-1) - 1)
}

// Negative numbers are defaults, and so is a rate that is no number.
func TestNegativeOptions(t *testing.T) {
	for _, rate := range []float64{-1, math.Inf(-1), math.NaN()} {
		o := Recovering()
		o.PerMessageDeflate = new(socketio.PerMessageDeflate)
		numbers(reflect.ValueOf(o).Elem(), "", func(name string, number reflect.Value) {
			switch {
			case name == "Limits.EventRate.Over": // which is no quantity
			case number.Kind() == reflect.Float64:
				number.SetFloat(rate)
			default:
				number.SetInt(-1)
			}
		})
		for _, mode := range []rawclient.Mode{rawclient.WebSocket, rawclient.Polling} {
			t.Run(fmt.Sprint(rate, " ", mode), func(t *testing.T) {
				Run(t, o, func(h *Harness) {
					comeAndGo(h, mode)
					h.Check(h.Shutdown(context.Background()))
				})
			})
		}
	}
}

// comeAndGo has a client send, lose its connection and come back.
func comeAndGo(h *Harness, mode rawclient.Mode) {
	Echo(h, "echo")
	g := h.Guest(mode)
	g.Conn.Send(`42["echo",1]`)
	g.Expect("/", "echo 1")
	g.Drop()
	Wait(time.Second)
	h.Check(h.Emit("missed", 2))
	Wait(time.Second)
	h.ComesBackWith(g, "missed 2")
	g.Drop()
}

// Programs set an option to the largest number for "no limit" or "never": no
// sum or product of options may wrap around.
func TestLargestOptions(t *testing.T) {
	options := func(largest string) *socketio.Options {
		o := Recovering()
		o.PerMessageDeflate = new(socketio.PerMessageDeflate)
		numbers(reflect.ValueOf(o).Elem(), "", func(name string, number reflect.Value) {
			if (largest == name || largest == "all") && name != "Limits.EventRate.Over" { // which is no quantity
				setLargest(number)
			}
		})
		return o
	}
	names := []string{"all"}
	numbers(reflect.ValueOf(options("")).Elem(), "", func(name string, _ reflect.Value) { names = append(names, name) })
	if len(names) < 20 {
		t.Fatalf("only %q are tried", names)
	}
	for _, name := range names {
		for _, mode := range []rawclient.Mode{rawclient.WebSocket, rawclient.Polling} {
			t.Run(name+" "+string(mode), func(t *testing.T) {
				Run(t, options(name), func(h *Harness) {
					comeAndGo(h, mode)
					h.Check(h.Shutdown(context.Background()))
				})
			})
		}
	}
}
