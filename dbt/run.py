"""Run dbt in this project: ``payymo analytics build`` starts it as a process of its own.

With ``--told`` alone, what to do is read from standard input, once dbt is loaded: a JSON object
with ``arguments``, ``environment`` and the ``folder`` to work in. So dbt loads while that is
still being found out, and no command line shows it.
"""

import gc
import json
import os
import sys
from pathlib import Path

# What is loaded stays for as long as the process: looking for what could go costs a tenth of it.
gc.disable()
import dbt.adapters.duckdb  # noqa: E402, F401  # dbt would do so after it was told
from dbt.cli.main import cli  # noqa: E402  # after that

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
    sys.exit(cli(arguments))
