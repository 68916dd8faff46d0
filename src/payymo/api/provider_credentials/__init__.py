"""A tenant's own credentials at a provider."""
