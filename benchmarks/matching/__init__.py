"""Books of invoices and payments with truth, and how well an engine matches them."""
