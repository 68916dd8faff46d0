"""Rules that assign categories, over HTTP."""
