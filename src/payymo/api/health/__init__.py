"""Whether the installation lives, is ready, and how busy it is."""
