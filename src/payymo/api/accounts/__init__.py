"""Bank accounts and their balances."""
