"""Payymo: a self-hosted, multi-tenant open-banking backend."""
