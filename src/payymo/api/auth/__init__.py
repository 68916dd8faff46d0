"""Registering, signing in and out, and who one is."""
