"""The standardised layer: banks, accounts, balances and transactions, whoever delivered them."""
