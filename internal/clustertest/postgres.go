package clustertest

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
)

// A Postgres is a PostgreSQL server with the database "postgres".
type Postgres struct {
	*Process
	Addr string // host and port
	URL  string
	psql string
}

// StartPostgres starts a PostgreSQL server with an empty database. All that has been
// committed survives Kill. Each setting is "name=value" of postgresql.conf.
func StartPostgres(t testing.TB, settings ...string) *Postgres {
	t.Helper()
	const folders = "/usr/lib/postgresql/*/bin"
	program := require(t, "postgres", "postgresql", folders)
	p := &Postgres{Addr: FreeAddress(t), psql: require(t, "psql", "postgresql-client", folders)}
	p.URL = fmt.Sprintf("postgres://postgres@%s/postgres?sslmode=disable", p.Addr)

	template := postgresTemplate(t, filepath.Join(filepath.Dir(program), "initdb"))
	data, own := dataFolder(t)
	t.Cleanup(func() { _ = os.RemoveAll(data) })
	run(t, own, data, "cp", "-R", template+"/.", data)
	args := []string{"-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(portOf(t, p.Addr)), "-k", data}
	for _, s := range append([]string{"fsync=off", "log_min_messages=fatal"}, settings...) {
		args = append(args, "-c", s)
	}
	p.Process = start(t, func() *exec.Cmd {
		cmd := exec.Command(program, args...)
		cmd.Dir, cmd.Stderr = data, output(t)
		own(cmd)
		return cmd
	}, func() bool {
		_, err := p.ask("SELECT 1")
		return err == nil
	})
	return p
}

// template is what initdb makes, which takes a second. Each server gets a copy.
var template struct {
	sync.Mutex
	folder string
	open   io.Closer // ends with this program
}

// postgresTemplate returns the template's folder. A shell removes the folder when
// this program has ended.
func postgresTemplate(t testing.TB, initdb string) string {
	t.Helper()
	template.Lock()
	defer template.Unlock()
	if template.folder != "" {
		return template.folder
	}
	folder, own := dataFolder(t)
	remover := exec.Command("sh", "-c", `trap "" INT TERM; read end; rm -rf "$0"`, folder)
	open, err := remover.StdinPipe()
	if err == nil {
		err = remover.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	run(t, own, folder, initdb,
		"--pgdata", folder, "--username", "postgres", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync")
	template.folder, template.open = folder, open
	return folder
}

// run runs a program in a folder, as the owner of the folder, until it ends.
func run(t testing.TB, own func(*exec.Cmd), folder, program string, args ...string) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	own(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}

// dataFolder makes a folder for a server's data, and returns a function that has a
// program run as the owner of the folder. PostgreSQL refuses to run as root, so
// for root the owner is the user postgres.
func dataFolder(t testing.TB) (folder string, own func(*exec.Cmd)) {
	t.Helper()
	folder, err := os.MkdirTemp("", "clustertest") // t.TempDir is in a folder that only its owner may enter
	if err != nil {
		t.Fatal(err)
	}
	if os.Getuid() != 0 {
		return folder, func(*exec.Cmd) {}
	}
	postgres, err := user.Lookup("postgres")
	if err != nil {
		missing(t, "there is no user postgres: the Debian package is postgresql")
	}
	uid, _ := strconv.Atoi(postgres.Uid)
	gid, _ := strconv.Atoi(postgres.Gid)
	if err := os.Chown(folder, uid, gid); err != nil {
		t.Fatal(err)
	}
	return folder, func(cmd *exec.Cmd) { runAs(cmd, uid, gid) }
}

// Do runs SQL, and returns the rows as psql prints them: lines of fields that
// "|" separates.
func (p *Postgres) Do(sql string) string {
	p.t.Helper()
	rows, err := p.ask(sql)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", sql, err, rows)
	}
	return rows
}

func (p *Postgres) ask(sql string) (string, error) {
	conn, err := net.Dial("tcp", p.Addr) // cheaper than a psql that fails
	if err != nil {
		return "", err
	}
	conn.Close()
	out, err := exec.Command(p.psql, "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--command", sql, p.URL).CombinedOutput()
	return string(out), err
}
