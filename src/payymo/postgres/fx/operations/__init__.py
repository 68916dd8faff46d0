"""What can be done with exchange rates."""
