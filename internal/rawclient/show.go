package rawclient

// show hands a packet to Next, or answers it, and reports whether to go on.
func (c *Client) show(packet string) bool {
	if c.Pong && packet == "2" {
		select {
		case c.sending <- struct{}{}:
			return c.send("3") == nil
		default: // its turn comes; reading goes on meanwhile
			go c.Send("3")
			return true
		}
	}
	select {
	case c.packets <- packet:
		return true
	case <-c.ctx.Done():
		return false
	}
}
