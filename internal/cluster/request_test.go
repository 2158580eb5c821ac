package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/goroomcast/socketio/adapter"
)

// A prompt server is a peer that answers when it is asked for sockets.
type prompt struct {
	*peer
	leave context.CancelFunc // ends its subscription, without a word
}

func newPrompt(t *testing.T, bus adapter.Adapter, uid string) *prompt {
	p := &prompt{peer: &peer{T: t, bus: bus, uid: uid}}
	ctx, cancel := context.WithCancel(context.Background())
	p.leave = func() { cancel(); synctest.Wait() }
	t.Cleanup(cancel)
	if err := bus.Subscribe(ctx, p); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *prompt) Deliver(m *adapter.Message) {
	p.peer.Deliver(m)
	if m.Type == adapter.FetchSockets {
		answer := &adapter.Message{Type: adapter.FetchSocketsResponse, UID: p.uid, Namespace: "/", RequestID: m.RequestID}
		_ = p.bus.Publish(context.Background(), []*adapter.Message{answer})
	}
}

// question returns the event that the peer has been asked to reply to.
func (p *prompt) question() *adapter.Message {
	p.Helper()
	for _, m := range p.heard() {
		if m.Type == adapter.ServerSideEmit {
			return m
		}
	}
	p.Fatal("not asked")
	return nil
}

func (p *prompt) reply(to *adapter.Message) {
	p.say(adapter.Message{Type: adapter.ServerSideEmitResponse, To: to.UID, RequestID: to.RequestID, Packet: text(`["` + p.uid + `"]`)})
}

// Where only the number of servers is known, a server that has answered and is
// gone is not taken for one that has yet to answer.
func TestAServerAnswersAndIsGone(t *testing.T) {
	for name, leave := range map[string]func(p *prompt){
		"without a word": func(p *prompt) { p.leave() },
		"and its goodbye comes late": func(p *prompt) {
			p.leave()
			wait(2 * recountInterval)
			p.say(adapter.Message{Type: adapter.Close})
		},
		"and its goodbye comes early": func(p *prompt) {
			p.say(adapter.Message{Type: adapter.Close})
			wait(2 * recountInterval)
			p.leave()
		},
	} {
		for _, slow := range []int{1, 2} {
			t.Run(fmt.Sprint(name, ", before ", slow), func(t *testing.T) {
				in(t, func(t *testing.T) {
					bus := new(adapter.Loopback)
					s := join(t, bus)
					quick := newPrompt(t, bus, "quick")
					var others []*prompt
					for i := range slow {
						others = append(others, newPrompt(t, bus, fmt.Sprint("slow ", i)))
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					result := make(chan string, 1)
					go func() {
						var got []string
						question := &adapter.Message{Type: adapter.ServerSideEmit}
						for m, err := range s.member.Ask(ctx, question, adapter.ServerSideEmitResponse) {
							if err != nil {
								got = append(got, err.Error())
							} else {
								got = append(got, strings.Trim(string(m.Packet.Text), `["]`))
							}
						}
						slices.Sort(got)
						result <- strings.Join(got, ", ")
					}()
					question := quick.question()
					quick.reply(question)
					leave(quick)
					wait(3 * recountInterval)
					want := "quick"
					for _, p := range others {
						p.reply(question)
						wait(2 * recountInterval)
						want += ", " + p.uid
					}
					if got := <-result; got != want {
						t.Errorf("answers of %s, want %s", got, want)
					}
				})
			})
		}
	}
}

// A server that is gone before it has answered is not waited for.
func TestAServerIsGoneBeforeItAnswers(t *testing.T) {
	in(t, func(t *testing.T) {
		bus := new(adapter.Loopback)
		s := join(t, bus)
		there, gone := newPrompt(t, bus, "there"), newPrompt(t, bus, "gone")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var answers, missing int
		var took time.Duration
		asked := make(chan struct{})
		go func() {
			answers, missing, took = s.askUntil(ctx)
			close(asked)
		}()
		there.reply(there.question())
		gone.leave()
		<-asked
		if answers != 1 || missing != 0 || took > 2*recountInterval {
			t.Errorf("%d answers, %d missing after %v", answers, missing, took)
		}
	})
}
