"""How much memory a process takes, together with those that it starts."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

_INTERVAL_SECONDS = 0.2
_MEBIBYTE = 1024**2


def watch(command: Sequence[str], folder: Path) -> tuple[str, float]:
    """Run a command, and return what it prints with the peak of its memory in MiB.

    Memory is looked at five times a second, of the process and all below it. What they share
    counts once where the system tells it apart (Linux), else once for each.

    :param command: The program with its arguments.
    :param folder: Where to run it.
    :raises subprocess.CalledProcessError: If it fails.
    """
    peak = 0
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        while True:
            peak = max(peak, _memory_of_tree(process.pid))
            try:
                printed, _nothing = process.communicate(timeout=_INTERVAL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                continue
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return printed, peak / _MEBIBYTE


def _memory_of_tree(pid: int) -> int:
    try:
        root = psutil.Process(pid)
        return sum(_memory(each) for each in (root, *root.children(recursive=True)))
    except psutil.NoSuchProcess:
        return 0


def _memory(process: psutil.Process) -> int:
    """Return the bytes that a process holds; 0 if it has just ended."""
    try:
        memory = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0
    return int(getattr(memory, "pss", memory.rss))
