"""What transactions are for, over HTTP."""
