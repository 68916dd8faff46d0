"""Invented account books: who was paid what, when and how, the same for the same seed and day."""
