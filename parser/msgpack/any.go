package msgpack

// readAny reads a value as an empty interface gets it, and returns what
// follows. Recursion is bounded by maxDepth.
func readAny(data []byte) (v any, rest []byte) {
	k, n, rest, _ := readHead(data)
	switch k {
	case boolean:
		return n == 1, rest
	case unsigned, signed, float:
		if f, ok := number(k, n); ok {
			return f, rest
		}
		return nil, rest
	case date:
		quoted := appendDate(nil, int64(n))
		return string(quoted[1 : len(quoted)-1]), rest
	case text:
		return string(rest[:n]), rest[n:]
	case bin:
		return append([]byte{}, rest[:n]...), rest[n:]
	case array:
		return readSlice(rest, n)
	case object:
		return readMap(rest, n)
	default:
		return nil, rest
	}
}

func readSlice(data []byte, n uint64) (s []any, rest []byte) {
	s = make([]any, n)
	for i := range s {
		s[i], data = readAny(data)
	}
	return s, data
}

// readMap lets the map grow with its keys, which may all be the same.
func readMap(data []byte, n uint64) (m map[string]any, rest []byte) {
	m = make(map[string]any)
	for range n {
		_, size, rest, _ := readHead(data)
		key := rest[:size]
		data = rest[size:]
		if k, _, rest, _ := readHead(data); k == undefined {
			data = rest
			continue
		}
		m[string(key)], data = readAny(data)
	}
	return m, data
}
