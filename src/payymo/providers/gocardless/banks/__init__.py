"""What single banks do differently."""
