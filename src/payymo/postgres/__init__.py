"""What Payymo remembers, in PostgreSQL."""
