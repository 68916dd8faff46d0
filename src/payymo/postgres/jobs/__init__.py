"""What background jobs were asked for, and how they went."""
