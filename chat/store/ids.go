package store

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"
)

// ValidRoom reports whether a program may give a room this id: 1 to 64 of the
// characters A-Z a-z 0-9 _ . and -, beginning with a letter or digit.
func ValidRoom(id string) bool {
	if id == "" || len(id) > 64 || strings.ContainsRune("_.-", rune(id[0])) {
		return false
	}
	for _, c := range []byte(id) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("_.-", c) >= 0) {
			return false
		}
	}
	return true
}

// KnownForm reports whether a room with this id can exist: a room of the
// program, a direct room, or a thread of either.
func KnownForm(id string) bool {
	id = Home(id)
	if direct, is := strings.CutPrefix(id, "~"); is {
		b, err := base64.RawURLEncoding.Strict().DecodeString(direct)
		return err == nil && len(b) == sha256.Size
	}
	return ValidRoom(id)
}

// Thread returns the id of the thread of a message.
func Thread(room string, seq int64) string { return room + "~" + strconv.FormatInt(seq, 10) }

// Parent returns the room and the seq of the message that a thread belongs to.
// It reports false if id is not the id of a thread.
func Parent(id string) (room string, seq int64, is bool) {
	i := strings.LastIndexByte(id, '~')
	if i <= 0 {
		return "", 0, false
	}
	seq, err := strconv.ParseInt(id[i+1:], 10, 64)
	if err != nil || seq < 1 || Thread(id[:i], seq) != id {
		return "", 0, false
	}
	return id[:i], seq, true
}

// Home returns the id of the room whose members and settings decide on
// permissions: the parent of a thread, or the room itself.
func Home(room string) string {
	if parent, _, is := Parent(room); is {
		return parent
	}
	return room
}

// Direct returns the id of the direct room of two users.
func Direct(a, b string) string {
	if a > b {
		a, b = b, a
	}
	sum := sha256.Sum256(joined(a, b))
	return "~" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// CreatedRoom returns the id of the room that a client creates by a command with this
// cid. A repeated command gets the same id.
func CreatedRoom(user, cid string) string {
	sum := sha256.Sum256(joined("room", user, cid))
	return hex.EncodeToString(sum[:16])
}

// joined returns the parts, each with its length before it.
func joined(parts ...string) []byte {
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	return b
}

// NewEpoch returns a random epoch.
func NewEpoch() string { return strings.ToLower(rand.Text()[:8]) }
