package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

const (
	longestName = 24 // characters
	shortestKey = 16 // bytes
	longestKey  = 64 // bytes

	// grace is how long the name of a person whose last tab has gone is kept,
	// and how long a room is kept for its last person.
	grace = 30 * time.Second
)

// A Profile is what others may know of a person.
type Profile struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// A person has one or more tabs, all in one Socket.IO room.
type person struct {
	Profile
	room    string
	tabs    int
	leaving *time.Timer
	left    map[string]bool // the Socket.IO rooms of tabs that may come back
	inbox   history         // direct messages, both ways
	sent    history         // to know those that come again
}

// personRoom names the room of a person's tabs. The prefixes keep people,
// rooms and socket ids apart, all of which a room name could mean.
func personRoom(id string) string { return "person:" + id }

type people []*person

// enter finds or makes the person of a name. The key, which only the person's
// browser knows, tells a second tab from a second person. The id follows from
// both: it can't be forged, and outlives the server.
func (c *chat) enter(typed, key string) (*person, error) {
	name, err := cleanName(typed, longestName)
	if err != nil {
		return nil, err
	}
	if len(key) < shortestKey || len(key) > longestKey {
		return nil, refuse("The key must have %d to %d characters.", shortestKey, longestKey)
	}
	hash := sha256.Sum256([]byte(key + " " + strings.ToLower(name)))
	id := hex.EncodeToString(hash[:12])
	for _, p := range c.people {
		if !strings.EqualFold(p.Name, name) {
			continue
		}
		if p.ID != id {
			return nil, refuse("The name %s is taken.", p.Name)
		}
		p.leaving.Reset(grace)
		return p, nil
	}
	for _, p := range c.elsewhere() {
		if strings.EqualFold(p.Name, name) && p.ID != id {
			return nil, refuse("The name %s is taken.", p.Name)
		}
	}
	p := &person{Profile: Profile{id, name}, room: personRoom(id), left: map[string]bool{}}
	p.leaving = time.AfterFunc(grace, func() { c.forget(p) })
	c.people = append(c.people, p)
	return p, nil
}

// awaitBack remembers the rooms of a tab that goes: a page that is reloaded
// finds them again.
func (c *chat) awaitBack(p *person, rooms []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, key := range rooms {
		p.left[key] = true
	}
}

func (c *chat) goodbye(p *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.tabs--
	p.leaving.Reset(grace)
	c.publish()
}

// forget frees the name of a person who hasn't come back, and the rooms that
// nobody has come back to.
func (c *chat) forget(p *person) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p.tabs == 0 {
		c.people = slices.DeleteFunc(c.people, func(q *person) bool { return q == p })
	}
	clear(p.left)
	if c.dropEmptyRooms() {
		c.publish()
	}
}

// online lists who is there, by name.
func (c *chat) online() []Profile {
	list := append(c.people.online(), c.elsewhere()...)
	slices.SortFunc(list, func(a, b Profile) int {
		return cmp.Or(cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)), cmp.Compare(a.ID, b.ID))
	})
	return slices.Compact(list) // a person may have tabs on several servers
}

// online lists who is on this server.
func (all people) online() []Profile {
	list := []Profile{}
	for _, p := range all {
		if p.tabs > 0 {
			list = append(list, p.Profile)
		}
	}
	return list
}

// find returns a person who is online. The inbox of a person on another server
// is kept there.
func (c *chat) find(id string) (*person, error) {
	for _, p := range c.people {
		if p.ID == id && p.tabs > 0 {
			return p, nil
		}
	}
	for _, p := range c.elsewhere() {
		if p.ID == id {
			return &person{Profile: p, room: personRoom(id)}, nil
		}
	}
	return nil, refuse("This person is not online.")
}
