"""GoCardless Bank Account Data (formerly Nordigen), seen from Payymo."""
