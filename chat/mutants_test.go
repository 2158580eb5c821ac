package chat_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutants are mistakes in the chat's own source, each with the tests that find
// it.
var mutants = []struct{ name, file, old, new, tests string }{
	{"repetitions are not looked for", "store/posts.go",
		"case b.repeated(p, r):", "case b.repeated(p, r) && false:", "TestKills"},
	{"a socket follows before it has its page", "catchup.go",
		"	if followed, err := u.fromRing(); followed || err != nil {",
		"	u.l.mu.Lock()\n	u.keeps, _ = u.d.follow(u.l)\n	u.l.mu.Unlock()\n	if followed, err := false, error(nil); followed || err != nil {", "TestKills"},
	{"the ring does not bridge a page and the live frames", "catchup.go",
		"	case page.To < l.head:\n", "	case page.To < l.head && false:\n", "TestKills|TestSlowStoreStopsNobody"},
	{"a range is sent before those that come before it", "live.go",
		"case ch.From <= l.tail():", "case true:", "TestKills"},
	{"frames of a slow read are slim", "live.go",
		"l.whole = max(l.whole, ch.Room.Rev)", "_ = l.whole", "TestSlowReadsAreWhole"},
	{"a removed user goes on following", "live.go",
		"	l.evict(ch)\n", "", "TestRemovedUserGetsNothingLater"},
	{"a removed user goes after the frame", "live.go",
		"	l.evict(ch)\n	l.ring.add(ch)\n	l.emit(ch)\n", "	l.ring.add(ch)\n	l.emit(ch)\n	l.evict(ch)\n", "TestRemovalAmongPosts"},
	{"a removal in the ring is not looked for", "catchup.go",
		"if m := u.l.ring.member(u.d.user.ID, u.asOf); m != nil {", "if m := u.l.ring.member(u.d.user.ID, u.asOf); m != nil && false {", "TestRemovalInTheRing"},
	{"what a user is in a room is read before its page", "catchup.go",
		"if err == nil && u.asOf < page.To {", "if err == nil && u.asOf < page.To && false {", "TestRemovalDuringOpen"},
	{"the rooms of a recovered socket are kept", "connect.go",
		"			s.Leave(room)\n", "", "TestRemovedWhileAway"},
	{"a removal leaves the threads", "store/members.go",
		"	b.touch(room, m)\n	b.leaveThreads(room, m.User, why)\n", "	b.touch(room, m)\n", "TestRemovedFromTheParentOfAThread"},
	{"all members see all messages", "frame.go",
		"	if r.Visibility == store.VisibleJoined {\n		f.Messages = slices", "	if false {\n		f.Messages = slices", "TestMemberWhoComesBack"},
	{"members see all later changes of old messages", "frame.go",
		"	if r.Visibility != store.VisibleJoined {\n		return f", "	if true {\n		return f", "TestMemberWhoComesBack"},
	{"a reader stops after its first page", "live.go",
		"	if ch.More {\n		return false, false\n	}\n", "", "TestSlowReadsAreWhole"},
	{"a file of another can be posted", "store/files.go", "f.Owner != author || ", "", "TestFilesThatCanNotBePosted"},
	{"a file can be posted twice", "store/files.go",
		"		case f.Room != \"\":\n			return inUse()\n", "", "TestFilesThatCanNotBePosted"},
	{"a file stays when its message is deleted", "store/marks.go", "	b.drop(m.Files)\n", "", "TestFilesGo"},
	{"a file stays when its message is too old", "store/files.go", "r.Floor > r.floor && ", "false && ", "TestFilesGo"},
	{"a file is sent without a look at its message", "files.go",
		"	case file.Room == \"\":\n", "	default:\n", "TestWhoMayReadFiles"},
	{"a file is removed although a message has it", "store/files.go",
		"	case f.Room != \"\":\n		return inUse()\n	}\n	r.Dup", "	}\n	r.Dup", "TestPostDuringSweep"},
	{"a failed upload leaves its content", "upload.go", "		f.discard(ctx, file.ID)\n", "", "TestAbortedUpload|TestFaultyBlobs"},
	{"the answer comes before the commit", "committer.go",
		"	start := time.Now()\n", "	start := time.Now()\n	for _, p := range batch {\n		p.result <- store.Result{Seq: 1, Rev: 1, At: 1}\n		p.result = make(chan store.Result, 1)\n	}\n", "TestKills"},
}

// TestMutants makes each mistake, and expects its tests to fail. It takes
// minutes, so it runs only with CHAT_MUTANTS set; otherwise it only checks that
// the mistakes can be made.
func TestMutants(t *testing.T) {
	run := os.Getenv("CHAT_MUTANTS") != ""
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			source, err := os.ReadFile(m.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(source), m.old); n != 1 {
				t.Fatalf("%s contains %q %d times, want once", m.file, m.old, n)
			}
			if run {
				makeMutant(t, m.file, strings.Replace(string(source), m.old, m.new, 1), m.tests)
			}
		})
	}
}

func makeMutant(t *testing.T, file, source, tests string) {
	dir := t.TempDir()
	mutant, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(mutant, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	original, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "test", "-count=1", "-timeout=300s", "-overlay", overlay, "-run", "^("+tests+")$", ".")
	cmd.Env = append(os.Environ(), "CHAT_MUTANTS=")
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		t.Errorf("%s do not find it", tests)
	case !strings.Contains(string(out), "--- FAIL") && !strings.Contains(string(out), "panic:"):
		t.Errorf("the mutant does not run:\n%s", out)
	}
}
