"""The service's own HTTP surface, one module per resource, below ``/api/v2/``."""
