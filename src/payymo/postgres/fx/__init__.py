"""Exchange rates: reference rates, which are the same for everybody, and tenants' own."""
