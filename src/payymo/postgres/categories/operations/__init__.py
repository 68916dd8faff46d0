"""What can be done with categories and rules."""
