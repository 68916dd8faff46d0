"""The tenant's settlement policy over HTTP."""
