"""Calibrations over HTTP."""
