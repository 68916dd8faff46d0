"""Customers, their invoices, and which payments pay them."""
