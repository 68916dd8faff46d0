"""The wall: other people's words come in, Payymo's records go out."""
