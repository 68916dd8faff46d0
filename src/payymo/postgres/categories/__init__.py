"""What transactions are for: a tenant's categories, and its rules that assign them."""
