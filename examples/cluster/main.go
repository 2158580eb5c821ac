// Command cluster runs three chat servers and a front before them, in one
// terminal. Start it by "make chat-cluster".
//
// The chat servers are processes of their own: kill one, and its pages come
// back on another. Their bus is in the processes, by package embedded, and
// their messages are in one SQLite file, or in the database that -db names.
package main

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"
)

const servers = 3

func main() {
	chat := flag.String("chat", "bin/chat", "the program of a chat server")
	addr := flag.String("addr", "localhost:3000", "address to listen on")
	db := flag.String("db", "", "where messages are kept, as for the chat; a SQLite file beside the chat if empty")
	flag.Parse()
	log.SetFlags(log.Ltime)
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal("cluster: ", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *chat, *db, listener); err != nil {
		log.Fatal("cluster: ", err)
	}
}

func run(ctx context.Context, chat, db string, listener net.Listener) error {
	nodes, err := newNodes(chat, db)
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	defer running.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	urls := make([]*url.URL, len(nodes))
	for i, n := range nodes {
		urls[i] = &url.URL{Scheme: "http", Host: n.addr}
		running.Go(func() { n.run(ctx) })
	}
	for _, n := range nodes {
		n.await(ctx)
	}
	server := &http.Server{Handler: newFront(urls), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute}
	context.AfterFunc(ctx, func() { server.Close() })
	log.Printf("The chat is on http://%s", listener.Addr())
	if err := server.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// A node is one of the chat servers.
type node struct {
	name    string
	program string
	addr    string // of its pages
	bus     string // where it listens for the others
	peers   string
	secret  string
	db      string
}

// newNodes returns chat servers on ports that are free.
func newNodes(program, db string) ([]*node, error) {
	var nodes []*node
	var buses []string
	secret := rand.Text()
	for i := range servers {
		var addrs [2]string
		for j := range addrs {
			l, err := listen()
			if err != nil {
				return nil, err
			}
			defer l.Close() // after all have got theirs
			addrs[j] = l.Addr().String()
		}
		nodes = append(nodes, &node{name: fmt.Sprint("server ", i+1), program: program, addr: addrs[0], bus: addrs[1], secret: secret, db: db})
		buses = append(buses, addrs[1])
	}
	for _, n := range nodes {
		n.peers = strings.Join(buses, ",")
	}
	return nodes, nil
}

// listen listens on a port below those that systems give to connections: nobody
// takes it while its server is down.
func listen() (l net.Listener, err error) {
	for range 100 {
		if l, err = net.Listen("tcp", fmt.Sprint("127.0.0.1:", 10_000+mathrand.N(20_000))); err == nil {
			return l, nil
		}
	}
	return nil, err
}

// await waits until the server answers.
func (n *node) await(ctx context.Context) {
	for ctx.Err() == nil {
		if conn, err := net.Dial("tcp", n.addr); err == nil {
			conn.Close()
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

// run runs the server, and starts it again when it has ended.
func (n *node) run(ctx context.Context) {
	for {
		args := []string{"-addr", n.addr, "-bus", n.bus, "-peers", n.peers}
		if n.db != "" {
			args = append(args, "-db", n.db)
		}
		cmd := exec.CommandContext(ctx, n.program, args...)
		cmd.Env = append(os.Environ(), "CHAT_SECRET="+n.secret)
		cmd.Stderr = os.Stderr
		cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
		cmd.WaitDelay = 5 * time.Second
		err := cmd.Start()
		if err == nil {
			log.Printf("%s is process %d: kill it, and its pages go on", n.name, cmd.Process.Pid)
			err = cmd.Wait()
		}
		select {
		case <-ctx.Done():
			return
		default:
			log.Printf("%s has ended (%v) and starts again in 5 seconds", n.name, err)
		}
		select {
		case <-time.After(5 * time.Second):
		case <-ctx.Done():
			return
		}
	}
}
