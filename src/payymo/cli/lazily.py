"""Groups of commands whose modules are imported when a command is asked for."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

#: Where each command is: a module, and a function or a group of commands in it.
type Commands = Mapping[str, tuple[str, str]]


def lazy_group(commands: Commands) -> type[TyperGroup]:
    """Return a kind of group that finds its commands in a table: most need far less than all do.

    :param commands: The table, in the order in which help shows it.
    """

    class LazyGroup(TyperGroup):
        """Finds commands in a table."""

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # click's signature
            """Return the names of all commands, in the order of the table."""
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # click's signature
            """Return a command, imported now; ``None`` if there is none of that name."""
            if cmd_name not in commands:
                return None
            module, name = commands[cmd_name]
            found = getattr(import_module(module), name)
            group = found
            if not isinstance(found, typer.Typer):
                group = typer.Typer(add_completion=False)
                group.command(cmd_name)(found)
            command = typer.main.get_command(group)
            command.name = cmd_name
            return command

    return LazyGroup
