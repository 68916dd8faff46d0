"""Background jobs over HTTP."""
