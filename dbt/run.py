"""Run dbt in this project: ``payymo analytics build`` starts it as a process of its own."""

import os
import sys
from pathlib import Path

from dbt.cli.main import cli

if __name__ == "__main__":
    folder = str(Path(__file__).parent)
    os.environ |= {"DBT_PROJECT_DIR": folder, "DBT_PROFILES_DIR": folder}
    sys.exit(cli())
