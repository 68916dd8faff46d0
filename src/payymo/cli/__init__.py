"""The command line: `payymo …`."""

from payymo.cli.app import main

__all__ = ["main"]
