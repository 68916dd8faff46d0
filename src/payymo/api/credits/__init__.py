"""Customers' credit over HTTP."""
