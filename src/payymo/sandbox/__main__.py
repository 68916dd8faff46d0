"""``python -m payymo.sandbox serve``."""

from payymo.sandbox.cli import app

app()
