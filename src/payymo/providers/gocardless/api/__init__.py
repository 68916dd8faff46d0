"""GoCardless's HTTP interface, in its own words."""
