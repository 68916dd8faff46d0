"""How exchange rates came in, over HTTP."""
