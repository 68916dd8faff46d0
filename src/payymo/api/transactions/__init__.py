"""Bank transactions over HTTP."""
