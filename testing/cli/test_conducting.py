"""Dagster's pages on one command: they open, know everything, and leave nothing behind."""

import re
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import httpx
import psutil
import pytest
from testing.cli.test_house import clean_environment

from payymo.cli.stack import DAGSTER_START_SECONDS_MAX, running_dagster
from payymo.domain.errors import ConfigurationError

STOP_SECONDS_MAX = 60

_QUESTION = """
{
  repositoriesOrError {
    ... on RepositoryConnection { nodes { assetNodes { id } jobs { name } } }
    ... on PythonError { message }
  }
  version
}
"""


@pytest.mark.timeout(DAGSTER_START_SECONDS_MAX + STOP_SECONDS_MAX)
@pytest.mark.xdist_group("house")
@pytest.mark.skipif(find_spec("dagster") is None, reason="there is none for this Python")
def test_its_pages_open_and_leave_nothing_behind(data_folder: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "payymo", "dagster", "--port", "0"],
        env=clean_environment(data_folder),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        url = re.search(r"Dagster listens at (http://127\.0\.0\.1:\d+)", process.stdout.readline())
        assert url is not None
        answer = httpx.post(f"{url[1]}/graphql", json={"query": _QUESTION}, timeout=60).json()
        (repository,) = answer["data"]["repositoriesOrError"]["nodes"]
        assert len(repository["assetNodes"]) > 80
        assert "daily_transaction_sync" in {job["name"] for job in repository["jobs"]}
        started = psutil.Process(process.pid).children(recursive=True)
        assert not any("GOCARDLESS" in part for each in started for part in each.cmdline())

        process.send_signal(signal.SIGTERM)

        assert process.wait(STOP_SECONDS_MAX) == 0
        assert not [each for each in started if each.is_running() and each.status() != "zombie"]
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
    home = data_folder / "dagster"
    assert home.stat().st_mode & 0o077 == 0
    assert "telemetry:\n  enabled: false\n" in (home / "dagster.yaml").read_text()


def test_without_it_a_sentence_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])  # where nothing can be found
    monkeypatch.delitem(sys.modules, "dagster_webserver", raising=False)

    with (
        pytest.raises(ConfigurationError, match=r"pip install 'payymo\[dagster\]'"),
        running_dagster(data_dir=tmp_path, port=0),
    ):
        pass  # not reached
