"""The raw layer: what GoCardless said, as received; everything else can be rebuilt from it."""
