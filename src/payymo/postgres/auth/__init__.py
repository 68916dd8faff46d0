"""Who uses Payymo, and who did what."""
