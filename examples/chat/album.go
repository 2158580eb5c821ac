package main

const albumSize = 64 << 20 // bytes

// An album keeps the latest pictures. Its zero value is empty.
type album struct {
	pictures map[string][]byte
	order    []string // oldest first
	size     int
}

func (a *album) add(id string, picture []byte) {
	if a.pictures == nil {
		a.pictures = map[string][]byte{}
	}
	a.pictures[id] = picture
	a.order = append(a.order, id)
	a.size += len(picture)
	for a.size > albumSize {
		oldest := a.order[0]
		a.size -= len(a.pictures[oldest])
		delete(a.pictures, oldest)
		a.order = a.order[1:]
	}
}

func (a *album) get(id string) ([]byte, error) {
	picture, ok := a.pictures[id]
	if !ok {
		return nil, refuse("This picture is no longer here.")
	}
	return picture, nil
}
