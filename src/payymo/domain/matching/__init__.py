"""Invoices and payments: which belong together, how surely, and why."""
