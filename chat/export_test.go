package chat

// Kept returns how many rooms and devices the chat keeps.
func (c *Chat) Kept() (rooms, devices int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.presences.mu.Lock()
	defer c.presences.mu.Unlock()
	for _, u := range c.presences.here {
		for d := u.oldest; d != nil; d = d.next {
			devices++
		}
	}
	return len(c.live), max(devices, len(c.sockets))
}
