"""Processes that builds of the warehouse start, each for one piece of work."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final, Self

_STOP_SECONDS_MAX: Final = 20


class ToldProcess:
    """A process of our own Python that is told what to do through a pipe, once.

    Its command line and its environment, which others on the machine may see, say nothing: not
    where PostgreSQL is, and no password. It loads while its caller finds out what it is to do.

    :param arguments: Python's: a file, or ``-m`` and a module.
    """

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter
            [sys.executable, *arguments],
            env={"PYTHONDONTWRITEBYTECODE": "1", "PYTHONWARNINGS": "ignore"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process where it has not ended by itself."""
        with self._process:
            if self._process.poll() is None:
                self._stop()

    def tell(self, what: Mapping[str, Any], on_line: Callable[[str], None]) -> int:
        """Tell it what to do, and return its exit code once it has ended.

        :param what: Becomes JSON on its standard input.
        :param on_line: Told of each line that it says. Where this raises, the process is ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        # A process that ended before it was told anything says why in its output.
        with suppress(BrokenPipeError):
            if stdin is not None:
                json.dump(what, stdin)
                stdin.close()
        try:
            for line in stdout or ():
                on_line(line)
        except BaseException:
            self._stop()
            raise
        return self._process.wait()

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._process.kill()
