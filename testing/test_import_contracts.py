"""Each import contract fails when it is broken on purpose: a contract that cannot is a wish."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]
ROOMS = (
    *("analytics", "api", "cli", "domain", "jobs", "postgres", "providers", "sandbox"),
    *("orchestration", "workflows"),
)
MODULES = ("__main__", "access", "asgi", "assembly", "definitions", "settings")

#: For each contract, files that break it.
BREAKS = [
    ("layers", {"workflows/broken.py": "import payymo.api"}),
    ("layers", {"postgres/broken.py": "import payymo.providers"}),
    ("layers", {"api/broken.py": "import payymo.jobs"}),
    ("layers", {"orchestration/broken.py": "import payymo.jobs"}),
    ("layers", {"assembly.py": "import payymo.cli"}),
    ("layers", {"access.py": "import payymo.assembly"}),
    ("layers", {"new_room.py": ""}),
    ("domain", {"domain/broken.py": "import sqlalchemy"}),
    ("dagster", {"workflows/broken.py": "import dagster"}),
    ("dagster", {"cli/broken.py": "import dagster_dbt"}),
    ("database", {"providers/broken.py": "import psycopg"}),
    ("database", {"sandbox/broken.py": "import sqlalchemy"}),
    ("layers", {"analytics/broken.py": "import payymo.postgres"}),
    ("warehouse", {"api/broken.py": "import duckdb"}),
    ("database", {"analytics/broken.py": "import psycopg"}),
    ("web", {"workflows/broken.py": "import fastapi"}),
    ("bank", {"workflows/broken.py": "import httpx"}),
    ("sandbox", {"sandbox/broken.py": "import payymo.providers"}),
    ("sandbox-doors", {"api/broken.py": "import payymo.sandbox"}),
    ("settings", {"workflows/broken.py": "import payymo.settings"}),
    (
        "circles",
        {
            "postgres/one.py": "import payymo.postgres.other",
            "postgres/other.py": "import payymo.postgres.one",
        },
    ),
]


@pytest.fixture(scope="module")
def empty_house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rooms without their furniture, and the contracts."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", folder)
    package = folder / "src" / "payymo"
    for room in ("", *ROOMS):
        (package / room).mkdir(parents=True, exist_ok=True)
        (package / room / "__init__.py").touch()
    for module in MODULES:
        (package / f"{module}.py").touch()
    return folder


def lint(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Check the contracts of a folder's package, not of the installed one."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_empty_house_keeps_every_contract(empty_house: Path) -> None:
    outcome = lint(empty_house)

    assert outcome.returncode == 0, outcome.stdout
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken." in outcome.stdout


def test_every_contract_is_broken_here_at_least_once() -> None:
    assert {contract for contract, _ in BREAKS} == {contract["id"] for contract in CONTRACTS}


@pytest.mark.parametrize(("contract", "files"), BREAKS)
def test_a_contract_fails_when_it_is_broken(
    empty_house: Path, tmp_path: Path, contract: str, files: dict[str, str]
) -> None:
    house = shutil.copytree(empty_house, tmp_path / "house")
    for name, line in files.items():
        (house / "src" / "payymo" / name).write_text(f"{line}\n")

    outcome = lint(house, "--contract", contract)

    assert outcome.returncode != 0
    assert "Contracts: 0 kept, 1 broken." in outcome.stdout
