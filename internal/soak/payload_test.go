//go:build linux

package soak

import (
	"fmt"
	"math/rand/v2"
)

// letters are what payloads are cut from: no two places look the same.
var letters = func() []rune {
	alphabet := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 \"\\<>&\n\u2028éß漢字😀")
	random := rand.New(rand.NewPCG(1, 2))
	all := make([]rune, 3*floodSize)
	for i := range all {
		all[i] = alphabet[random.IntN(len(alphabet))]
	}
	return all
}()

func cut(owner, n, size int) string {
	offset := (owner*7919 + n*104729) % (2 * floodSize)
	return fmt.Sprintf("%d of %d ", n, owner) + string(letters[offset:offset+size])
}

// payload is the only text that a client's nth event may have.
func payload(owner, n int) string { return cut(owner, n, (owner*31+n*17)%2500) }

// floodText is that of the nth event of a flood.
func floodText(owner, n int) string { return cut(owner, n, floodSize*3/4) }
