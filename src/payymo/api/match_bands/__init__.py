"""Bands of confidence over HTTP."""
