"""``make crash``: a worker, then PostgreSQL, is killed at every place of every scene.

With names of scenes as arguments, only at theirs.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from testing.crash.kills import Stage
from testing.crash.scenes import SCENES

from payymo.postgres.embedded import embedded_server


def main(names: Sequence[str]) -> int:
    """Play scenes, print what came out otherwise, and return how often that was.

    :param names: Which scenes.
    """
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="payymo-crash-") as folder:
        for name in names:
            with embedded_server(Path(folder)) as server:
                stage = Stage(server, name)
                wrong += _play(stage, "worker", stage.kill_worker)
                wrong += _play(stage, "PostgreSQL", stage.kill_server)
    _say(f"{wrong} of them ended otherwise than without a kill.")
    return wrong


def _play(stage: Stage, victim: str, kill: Callable[[int], list[str]]) -> int:
    began, wrong = time.monotonic(), 0
    for at, place in enumerate(stage.places):
        found = kill(at)
        if found:
            wrong += 1
            _say(f"{stage.name}: {victim} killed at {at}, {place}:", *found)
    seconds = time.monotonic() - began
    _say(f"{stage.name}: {victim} killed at {len(stage.places)} places in {seconds:.0f} s")
    return wrong


def _say(*lines: str) -> None:
    sys.stdout.write("\n    ".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    unknown = sorted(set(sys.argv[1:]) - SCENES.keys())
    if unknown:
        sys.exit(f"There is no scene {unknown[0]}: choose from {', '.join(SCENES)}.")
    sys.exit(1 if main(sys.argv[1:] or list(SCENES)) else 0)
