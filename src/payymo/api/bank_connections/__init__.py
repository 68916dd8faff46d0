"""A tenant's connections to banks."""
