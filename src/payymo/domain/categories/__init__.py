"""What transactions are for: rules, what was learned, and defaults."""
