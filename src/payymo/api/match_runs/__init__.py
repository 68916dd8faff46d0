"""Match runs over HTTP."""
