"""The tenant's own settings over HTTP."""
