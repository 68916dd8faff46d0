"""Amounts in another currency, over HTTP."""
