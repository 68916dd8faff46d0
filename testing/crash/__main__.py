"""``make crash``: a worker, then PostgreSQL, is killed at every place of every scene.

With names of scenes as arguments, only at theirs.
"""

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from testing.crash.kills import SETTINGS, Stage
from testing.crash.scenes import SCENES

from payymo.postgres.embedded import embedded_server

VICTIMS: Final = ("worker", "postgresql")


def main(names: Sequence[str], *, victims: Sequence[str], process_count: int) -> int:
    """Play scenes, print what came out otherwise, and return how often that was.

    :param names: Which scenes.
    :param victims: Who is killed, one after the other.
    :param process_count: How many scenes at once, each with a server of its own.
    """
    with ProcessPoolExecutor(process_count) as pool:
        wrong = sum(pool.map(partial(play, victims=victims), names))
    _say(f"{wrong} of them ended otherwise than without a kill.")
    return wrong


def play(name: str, *, victims: Sequence[str]) -> int:
    """Play one scene, and return how often it came out otherwise.

    :param name: Which scene.
    :param victims: Who is killed.
    """
    with (
        tempfile.TemporaryDirectory(prefix="payymo-crash-") as folder,
        embedded_server(Path(folder), settings=SETTINGS) as server,
    ):
        stage = Stage(server, name)
        kills = {"worker": stage.kill_worker, "postgresql": stage.kill_server}
        return sum(_kill_everywhere(stage, victim, kills[victim]) for victim in victims)


def _kill_everywhere(stage: Stage, victim: str, kill: Callable[[int], list[str]]) -> int:
    began, wrong = time.monotonic(), 0
    for at, place in enumerate(stage.places):
        try:
            found = kill(at)
        except Exception:  # noqa: BLE001  # one kill that cannot be judged leaves the others
            found = traceback.format_exc().splitlines()
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
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--processes", type=int, default=1, help="scenes to play at once")
    parser.add_argument("--victim", choices=VICTIMS, help="kill only this one")
    given = parser.parse_args()
    unknown = sorted(set(given.scenes) - SCENES.keys())
    if unknown:
        sys.exit(f"There is no scene {unknown[0]}: choose from {', '.join(SCENES)}.")
    wrong = main(
        given.scenes or list(SCENES),
        victims=[given.victim] if given.victim else VICTIMS,
        process_count=given.processes,
    )
    sys.exit(1 if wrong else 0)
