"""Banks that can be connected."""
