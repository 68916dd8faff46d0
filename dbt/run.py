"""Run dbt in this project: ``payymo analytics build`` starts it as a process of its own."""

import os
import sys
from pathlib import Path

from dbt.cli.main import cli

FOLDER = Path(__file__).parent

if __name__ == "__main__":
    os.chdir(FOLDER)
    os.environ["DBT_PROJECT_DIR"] = os.environ["DBT_PROFILES_DIR"] = str(FOLDER)
    sys.exit(cli())
