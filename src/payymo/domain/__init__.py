"""What Payymo knows, without any machine: no I/O, no clock, no database, no framework."""
