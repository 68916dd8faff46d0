"""The ledger's own knowledge: which rows are the same, and which days are known."""
