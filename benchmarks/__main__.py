"""``python -m benchmarks [NAME …]``: run benchmarks, print what they found."""

import argparse
import sys
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks import asking, building, identifying, listing, replaying, storage, syncing
from benchmarks.measurement import Measurement, print_measurements
from payymo.cli.terminal import err, print_json

BENCHMARKS: Mapping[str, Callable[[], list[Measurement]]] = {
    "identifying": identifying.measure,
    "syncing": syncing.measure,
    "listing": listing.measure,
    "storage": storage.measure,
    "replaying": replaying.measure,
    "asking": asking.measure,
    "building": building.measure,
}


def main() -> int:
    """Run the benchmarks that were named, or all; 1 if a limit is not kept."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--rows",
        nargs="+",
        type=int,
        metavar="N",
        default=[building.ROW_COUNT],
        help="sizes of the books of `building`, whose limits are for %(default)s; growth from each "
        "to the next",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark named {', '.join(sorted(unknown))}")
    found: list[Measurement] = []
    if min(arguments.rows) < building.NEW_ROW_COUNT:
        parser.error(f"a book has {building.NEW_ROW_COUNT:,} rows or more")
    benchmarks = dict(BENCHMARKS)
    benchmarks["building"] = partial(building.measure, arguments.rows)
    for name, measure in benchmarks.items():
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
