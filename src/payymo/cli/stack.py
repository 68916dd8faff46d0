"""API, worker and sandbox as processes of their own, started and stopped together."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import FrameType

import httpx
from pydantic import SecretStr

from payymo.domain.errors import ConfigurationError
from payymo.settings import Settings, load_settings

#: How long the whole house may take to open, and a single process to leave, in seconds: a worker
#: needs more than it gives its running jobs, in order to hand them back.
START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
#: Dagster is several processes, and the first of them reads the dbt project.
DAGSTER_START_SECONDS_MAX = 240.0
_LEFT_BEHIND_SECONDS_MAX = 5.0
_POLL_SECONDS = 0.1
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_STATE_FILE = "sandbox.json"
_ADDRESS_FILE = "sandbox_address.json"

#: What Dagster is told at its first start; the file may be edited after that.
_DAGSTER_SETTINGS = """\
telemetry:
  enabled: false
nux:
  enabled: false
concurrency:
  runs:
    max_concurrent_runs: 2
retention:
  sensor:
    purge_after_days:
      skipped: 1
      success: 30
      failure: 30
"""


@dataclass(frozen=True, slots=True)
class SandboxAddress:
    """Where a sandbox listens, and what opens it."""

    base_url: str
    secret_id: str
    secret_key: str

    def __repr__(self) -> str:
        """Say where, never with what."""
        return f"SandboxAddress({self.base_url!r})"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a Payymo process needs in order to talk to this sandbox."""
        return {
            "GOCARDLESS_BASE_URL": self.base_url,
            "GOCARDLESS_SECRET_ID": self.secret_id,
            "GOCARDLESS_SECRET_KEY": self.secret_key,
        }


@dataclass(frozen=True, slots=True)
class Stack:
    """A running house.

    :ivar url: Where the API listens.
    :ivar sandbox: The sandbox that stands in for the provider, where one was started.
    :ivar dagster_url: Where Dagster's pages are, where it was started.
    :ivar processes: What must stay alive for it to run, by name.
    """

    url: str
    sandbox: SandboxAddress | None
    dagster_url: str | None
    processes: Mapping[str, "subprocess.Popen[str]"]
    log_folder: Path

    def check(self) -> None:
        """Raise if a part of the house has ended.

        :raises ConfigurationError: Naming the part, and where its log is.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise ConfigurationError(
                    f"The {name} ended by itself (exit code {process.returncode}): "
                    f"see {self.log_folder / name}.log."
                )


@contextmanager
def running_stack(
    *,
    data_dir: Path,
    port: int,
    sandbox_options: Sequence[str] | None,
    concurrency: int | None = None,
    dagster_port: int | None = None,
) -> Iterator[Stack]:
    """Run API, worker and (unless another provider is named) the sandbox until the block ends.

    :param data_dir: Data folder; the processes' logs go below it.
    :param port: Port of the API on the loopback address; 0 takes a free one.
    :param sandbox_options: Options of ``payymo sandbox serve``; no sandbox is started if absent.
    :param concurrency: Jobs that the worker runs at once; the setting's value if absent.
    :param dagster_port: Port of Dagster's pages; 0 takes a free one. No pages if absent.
    :raises ConfigurationError: If a part does not come up.
    """
    log_folder = data_dir / "logs"
    log_folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}"
    environment = os.environ | {"PAYYMO_DATA_DIR": str(data_dir), "PAYYMO_PUBLIC_URL": url}
    with ExitStack() as stack:
        sandbox = None
        processes: dict[str, subprocess.Popen[str]] = {}
        if sandbox_options is not None:
            state = str(data_dir / _STATE_FILE)
            options = ["--port", "0", "--state", state, *sandbox_options]
            processes["sandbox"], sandbox = stack.enter_context(
                running_sandbox(options, environment=environment, log_folder=log_folder)
            )
            environment |= sandbox.environment
            stack.enter_context(_announced(sandbox, data_dir / _ADDRESS_FILE))
        processes["api"] = _start(
            stack, "api", ["serve", "--port", str(port)], environment, log_folder
        )
        options = ["--concurrency", str(concurrency)] if concurrency else []
        processes["worker"] = _start(stack, "worker", ["worker", *options], environment, log_folder)
        dagster_url = None
        if dagster_port is not None:
            processes["dagster"], dagster_url = stack.enter_context(
                starting_dagster(data_dir=data_dir, port=dagster_port, environment=environment)
            )
        house = Stack(url, sandbox, dagster_url, processes, log_folder)
        _wait_until_ready(house, f"{url}/readyz")
        if dagster_url is not None:
            _wait_until_ready(house, f"{dagster_url}/server_info", DAGSTER_START_SECONDS_MAX)
        yield house


@contextmanager
def running_dagster(*, data_dir: Path, port: int) -> Iterator[Stack]:
    """Run Dagster alone until the block ends, beside a house or a database that runs elsewhere.

    :param data_dir: Data folder.
    :param port: Port of its pages on the loopback address; 0 takes a free one.
    :raises ConfigurationError: If it is not installed, or does not come up.
    """
    environment = os.environ | {"PAYYMO_DATA_DIR": str(data_dir)}
    with starting_dagster(data_dir=data_dir, port=port, environment=environment) as started:
        process, url = started
        alone = Stack(url, None, url, {"dagster": process}, data_dir / "logs")
        _wait_until_ready(alone, f"{url}/server_info", DAGSTER_START_SECONDS_MAX)
        yield alone


@contextmanager
def starting_dagster(
    *, data_dir: Path, port: int, environment: Mapping[str, str]
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Start Dagster's pages, daemon and code server, and stop them when the block ends.

    What Dagster remembers is below the data folder. It listens on the loopback address only.

    :param data_dir: Data folder.
    :param port: Port of its pages; 0 takes a free one.
    :param environment: The process's environment.
    :returns: The process, and where its pages will be.
    :raises ConfigurationError: If it is not installed.
    """
    if find_spec("dagster_webserver") is None:
        raise ConfigurationError(
            "Dagster is not installed: `pip install 'payymo[dagster]'` adds it, and `make install` "
            "in a checkout. There is none for Python 3.14 yet: use 3.12 or 3.13."
        )
    home, log_folder = data_dir / "dagster", data_dir / "logs"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    log_folder.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(_DAGSTER_SETTINGS, encoding="utf-8")
    port = port or free_port()
    with ExitStack() as stack:
        process = _start(
            stack,
            "dagster",
            ["dev", "-m", "payymo.definitions", "-h", "127.0.0.1", "-p", str(port)],
            {**environment, "DAGSTER_HOME": str(home)},
            log_folder,
            module="dagster",
            # It shuts down what it started on Ctrl-C, and on nothing else.
            stop_signal=signal.SIGINT,
        )
        yield process, f"http://127.0.0.1:{port}"


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Give an event that SIGINT and SIGTERM set; the handlers before are put back."""
    stop = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def load_settings_beside_stack() -> Settings:
    """Return the settings for a command in another shell.

    Where a stack with a sandbox runs over the same data folder, they lead to that sandbox, unless
    the environment names a provider's address.

    :raises ConfigurationError: If a variable's value cannot be used.
    """
    settings = load_settings()
    path = settings.data_dir / _ADDRESS_FILE
    if settings.is_gocardless_address_given or not path.exists():
        return settings
    said = json.loads(path.read_text(encoding="utf-8"))
    return settings.model_copy(
        update={
            "gocardless_base_url": said["base_url"],
            "gocardless_secret_id": SecretStr(said["secret_id"]),
            "gocardless_secret_key": SecretStr(said["secret_key"]),
        }
    )


@contextmanager
def _announced(sandbox: SandboxAddress, path: Path) -> Iterator[None]:
    """Tell other shells of the same user where the sandbox is, for as long as it runs."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(
            {
                "base_url": sandbox.base_url,
                "secret_id": sandbox.secret_id,
                "secret_key": sandbox.secret_key,
            },
            file,
        )
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def running_sandbox(
    options: Sequence[str], *, environment: Mapping[str, str], log_folder: Path
) -> Iterator[tuple["subprocess.Popen[str]", SandboxAddress]]:
    """Run a sandbox in a process of its own until the block ends.

    :param options: Options of ``payymo sandbox serve``.
    :param environment: The process's environment.
    :param log_folder: Where ``sandbox.log`` is written.
    :raises ConfigurationError: If it does not start.
    """
    with ExitStack() as stack:
        arguments = ["sandbox", "serve", *options]
        process = _start(stack, "sandbox", arguments, environment, log_folder, reads_output=True)
        if process.stdout is None:
            raise AssertionError("the sandbox was started with its output read")
        try:
            said = json.loads(process.stdout.readline())
        except json.JSONDecodeError:
            raise ConfigurationError(
                f"The sandbox did not start: see {log_folder / 'sandbox.log'}."
            ) from None
        yield (
            process,
            SandboxAddress(said["base_url"], said["secret_id"], said["secret_key"]),
        )


def _start(
    stack: ExitStack,
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    log_folder: Path,
    *,
    reads_output: bool = False,
    module: str = "payymo",
    stop_signal: signal.Signals = signal.SIGTERM,
) -> "subprocess.Popen[str]":
    log = stack.enter_context((log_folder / f"{name}.log").open("a", encoding="utf-8"))
    process = subprocess.Popen(  # noqa: S603  # our own interpreter and command line
        [sys.executable, "-m", module, *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if reads_output else log,
        stderr=log,
        text=True,
        # Ctrl-C reaches the whole terminal group: the parent alone decides who leaves when.
        start_new_session=True,
        preexec_fn=partial(_leave_with_parent, stop_signal),  # noqa: PLW1509  # it makes two system calls
    )
    stack.callback(_stop, process, stop_signal)
    return process


def _leave_with_parent(stop_signal: signal.Signals) -> None:
    """Let this process be told to stop: by us, and by the kernel when its parent is killed."""
    # Shells let what they start in the background ignore Ctrl-C, which is inherited.
    signal.signal(stop_signal, signal.SIG_DFL)
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, stop_signal)


def _stop(process: "subprocess.Popen[str]", stop_signal: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    _end_group(process.pid)
    if process.stdout is not None:
        process.stdout.close()


def _end_group(leader: int) -> None:
    """End what a process started that is gone, and left behind."""
    give_up_at = time.monotonic() + _LEFT_BEHIND_SECONDS_MAX
    try:
        os.killpg(leader, signal.SIGTERM)
        while time.monotonic() < give_up_at:
            time.sleep(_POLL_SECONDS)
            os.killpg(leader, 0)
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _wait_until_ready(house: Stack, url: str, seconds_max: float = START_SECONDS_MAX) -> None:
    give_up_at = time.monotonic() + seconds_max
    while time.monotonic() < give_up_at:
        house.check()
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass  # not listening yet: that is what we wait for
        time.sleep(_POLL_SECONDS)
    raise ConfigurationError(f"Payymo did not get ready in time: see {house.log_folder}.")
