"""What a tenant should hear of, over HTTP."""
