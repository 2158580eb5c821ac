//go:build linux

package load

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// tick is the unit of the times in /proc: USER_HZ, which is 100 wherever Go runs.
const tick = time.Second / 100

// family returns a process and its descendants.
func family(pid int) ([]int, error) {
	pids := []int{pid}
	for i := 0; i < len(pids); i++ {
		lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pids[i]))
		if err != nil {
			return nil, err
		}
		for _, list := range lists {
			text, err := os.ReadFile(list)
			if errors.Is(err, fs.ErrNotExist) {
				continue // the thread has ended
			} else if err != nil {
				return nil, err
			}
			for _, field := range bytes.Fields(text) {
				child, err := strconv.Atoi(string(field))
				if err != nil {
					return nil, err
				}
				pids = append(pids, child)
			}
		}
	}
	return pids, nil
}

// cpuTime is what a process and its descendants have used in user and kernel.
func cpuTime(pid int) (time.Duration, error) {
	return overFamily(pid, func(pid int) (time.Duration, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return 0, err
		}
		return parseStat(text)
	})
}

// parseStat reads utime and stime of /proc/pid/stat, see proc(5). The name
// before them is in parentheses and may have anything in it.
func parseStat(text []byte) (time.Duration, error) {
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/pid/stat has %d fields after the name", len(fields))
	}
	user, err1 := strconv.Atoi(string(fields[11]))
	system, err2 := strconv.Atoi(string(fields[12]))
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// residentSize is the memory of a process and its descendants, in bytes.
func residentSize(pid int) (int, error) {
	return overFamily(pid, func(pid int) (int, error) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		if err != nil {
			return 0, err
		}
		fields := bytes.Fields(text)
		if len(fields) < 2 {
			return 0, fmt.Errorf("/proc/%d/statm: %q", pid, text)
		}
		pages, err := strconv.Atoi(string(fields[1]))
		return pages * os.Getpagesize(), err
	})
}

// descriptors is how many files and sockets a process and its descendants have open.
func descriptors(pid int) (int, error) {
	return overFamily(pid, func(pid int) (int, error) {
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		return len(entries), err
	})
}

func overFamily[T int | time.Duration](pid int, of func(pid int) (T, error)) (sum T, err error) {
	pids, err := family(pid)
	if err != nil {
		return 0, err
	}
	for _, pid := range pids {
		v, err := of(pid)
		if err != nil {
			return 0, err
		}
		sum += v
	}
	return sum, nil
}
