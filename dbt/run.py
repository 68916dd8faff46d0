"""Run dbt in this project: ``payymo analytics build`` starts it as a process of its own.

With ``--told`` alone, what to do is read from standard input, once dbt is loaded: a JSON object
with ``arguments``, ``environment`` and the ``folder`` to work in. So dbt loads while that is
still being found out, and no command line shows it. With ``parsed``, a file that dbt left behind
when it parsed the very same project, it is not parsed again, and ``results`` says where to write
what came of each step.
"""

import gc
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

# What is loaded stays for as long as the process: looking for what could go costs a tenth of it.
gc.disable()
import dbt.adapters.duckdb  # noqa: E402, F401  # dbt would do so after it was told
from dbt.cli.main import cli, dbtRunner  # noqa: E402  # after that
from dbt.contracts.graph.manifest import Manifest  # noqa: E402  # after that

_FAILED = 1


def _run_parsed(arguments: Sequence[str], parsed: Path, results: Path) -> int:
    """Run dbt on a project that is parsed already, and return its exit code."""
    manifest = Manifest.from_msgpack(parsed.read_bytes())
    manifest.build_flat_graph()
    ended = dbtRunner(manifest=manifest).invoke(list(arguments))
    if ended.exception is not None:
        print(ended.exception)  # noqa: T201  # to whoever told it
        return _FAILED
    ended.result.write(str(results))
    return 0 if ended.success else _FAILED


if __name__ == "__main__":
    gc.freeze()
    gc.enable()
    folder = str(Path(__file__).parent)
    os.environ |= {"DBT_PROJECT_DIR": folder, "DBT_PROFILES_DIR": folder}
    arguments = sys.argv[1:]
    if arguments == ["--told"]:
        told = json.load(sys.stdin)
        os.environ |= told["environment"]
        os.chdir(told["folder"])
        arguments = told["arguments"]
        if told["parsed"] is not None:
            sys.exit(_run_parsed(arguments, Path(told["parsed"]), Path(told["results"])))
    sys.exit(cli(arguments))
