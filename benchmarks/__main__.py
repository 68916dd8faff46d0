"""``python -m benchmarks [NAME …]``: run benchmarks, print what they found."""

import argparse
import sys

from benchmarks import asking, identifying, listing, replaying, storage, syncing
from benchmarks.measurement import print_measurements
from payymo.cli.terminal import err, print_json

BENCHMARKS = {
    "identifying": identifying.measure,
    "syncing": syncing.measure,
    "listing": listing.measure,
    "storage": storage.measure,
    "replaying": replaying.measure,
    "asking": asking.measure,
}


def main() -> int:
    """Run the benchmarks that were named, or all; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark named {', '.join(sorted(unknown))}")
    found = []
    for name, measure in BENCHMARKS.items():
        if not arguments.names or name in arguments.names:
            err.print(f"{name} …")
            found += measure()
    if arguments.json:
        print_json(found)
    else:
        print_measurements("Benchmarks", found)
    return 0 if all(entry.holds for entry in found) else 1


if __name__ == "__main__":
    sys.exit(main())
