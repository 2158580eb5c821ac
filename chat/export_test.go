package chat

// Kept returns how many rooms and devices the chat keeps.
func (c *Chat) Kept() (rooms, devices int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.live), len(c.sockets) + len(c.devices) - min(len(c.devices), len(c.sockets))
}
