package googollee

import (
	"fmt"
	"reflect"

	gosocketio "github.com/googollee/go-socket.io"
	"github.com/googollee/go-socket.io/parser"
)

// A function is a handler or the receiver of an acknowledgement.
type function struct {
	f        reflect.Value
	withConn bool           // its first parameter is the Conn
	params   []reflect.Type // the others
}

// newFunction panics at what can never be called.
func newFunction(f any, withConn bool) *function {
	v := reflect.ValueOf(f)
	if v.Kind() != reflect.Func || v.IsNil() || v.Type().IsVariadic() {
		panic(fmt.Sprintf("googollee: %T is no function with a fixed number of parameters", f))
	}
	t := v.Type()
	if withConn && (t.NumIn() == 0 || !reflect.TypeFor[gosocketio.Conn]().AssignableTo(t.In(0))) {
		panic(fmt.Sprintf("googollee: %T: a handler's first parameter is a socketio.Conn", f))
	}
	fn := &function{f: v, withConn: withConn}
	for i := range t.NumIn() {
		if i > 0 || !withConn {
			fn.params = append(fn.params, t.In(i))
		}
	}
	return fn
}

// received is what has arguments, an event or a reply.
type received interface {
	Len() int
	Decode(into ...any) error
}

// decode returns values for the parameters. A parameter without a received
// argument is zero, or points to a zero value. Surplus arguments are ignored.
func (fn *function) decode(from received) ([]reflect.Value, error) {
	args := make([]reflect.Value, len(fn.params))
	into := make([]any, len(fn.params))
	for i, param := range fn.params {
		if param.Kind() == reflect.Pointer {
			param = param.Elem()
		}
		args[i] = reflect.New(param)
		into[i] = args[i].Interface()
		if buffer, is := into[i].(*parser.Buffer); is {
			into[i] = &buffer.Data
		}
	}
	err := from.Decode(into[:min(len(into), from.Len())]...)
	for i, param := range fn.params {
		if param.Kind() != reflect.Pointer {
			args[i] = args[i].Elem()
		}
	}
	return args, err
}

// call returns the results, and again the last if it is an error.
func (fn *function) call(c conn, args []reflect.Value) (results []any, failed error) {
	if fn.withConn {
		args = append([]reflect.Value{reflect.ValueOf(c)}, args...)
	}
	for _, v := range fn.f.Call(args) {
		results = append(results, v.Interface())
	}
	if len(results) > 0 {
		failed, _ = results[len(results)-1].(error)
	}
	return outgoing(results), failed
}

// outgoing replaces go-socket.io's Buffers by their bytes, which travel as an
// attachment.
func outgoing(args []any) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		out[i] = arg
		switch arg := arg.(type) {
		case parser.Buffer:
			out[i] = arg.Data
		case *parser.Buffer:
			if arg != nil {
				out[i] = arg.Data
			}
		}
	}
	return out
}

// endsInFunc reports whether the last argument is to get the acknowledgement.
func endsInFunc(args []any) bool {
	return len(args) > 0 && reflect.ValueOf(args[len(args)-1]).Kind() == reflect.Func
}
