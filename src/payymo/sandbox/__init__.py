"""A stand-in for the GoCardless Bank Account Data service: same HTTP, invented banks and books."""
