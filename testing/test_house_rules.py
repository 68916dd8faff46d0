"""Rules of the house that no off-the-shelf linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from payymo.postgres.core import TenantRow
from payymo.postgres.schema import MODEL_MODULES

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "payymo"
OPERATIONS = sorted((SOURCE / "postgres").glob("*/operations/*.py"))
WRITES_SQL = {"select", "insert", "update", "delete", "text"}
VAGUE_NAMES = {"base_service", "common_utils", "helper", "helpers", "manager", "misc", "utils"}

#: Who may look at the environment besides the settings, and why.
READS_ENVIRONMENT = {
    "settings.py": "this is what it is for",
    "cli/stack.py": "hands it on to the processes that it starts",
}

#: Who may ask the machine what time it is, and why; all others are handed a clock.
READS_CLOCK = {
    "access.py": "this is where the house's one clock is made",
    "sandbox/cli.py": "the sandbox stands beside the house, with a clock that can be moved",
    "sandbox/server.py": "the same: real time is only where its clock starts from",
}
TELLS_TIME = {
    *(("datetime", name) for name in ("now", "utcnow", "today")),
    ("date", "today"),
    *(("time", name) for name in ("time", "time_ns", "localtime", "gmtime")),
}

#: Operations on what stands outside the tenants' walls: a module, or one of its functions.
WITHOUT_TENANT = {
    "auth/operations/audit.py:is_edited": "asks the session itself, and no row",
    "auth/operations/tenants.py": "makes and reads the tenants themselves",
    "auth/operations/users.py": "signing in finds the person before the tenant",
    "common/operations/call_counts.py": "calls are counted without a word of whose they were",
    "common/operations/institutions.py": "banks are the same for every tenant",
    "fx/operations/rates.py": "published rates are the same for every tenant",
    "gocardless/operations/documents.py:find_institution_document": "so is what is said of them",
    "gocardless/operations/documents.py:record_institution_documents": "so is what is said of them",
    "jobs/operations/queue.py": "the queue is one for all tenants",
    "jobs/operations/tenants.py": "the clock wakes every tenant's work",
}

#: A row that was read with its tenant brings its tenant along.
TENANT_ROWS = {
    value.__name__
    for module in MODEL_MODULES
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, TenantRow)
}

type Function = ast.FunctionDef | ast.AsyncFunctionDef


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def place(path: Path, node: ast.AST | None = None) -> str:
    line = getattr(node, "lineno", 1)
    return f"{path.relative_to(SOURCE)}:{line} {getattr(node, 'name', '')}".strip()


def name_of(path: Path) -> str:
    """Return an operation's module as the exceptions above name it."""
    return str(path.relative_to(SOURCE / "postgres"))


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_functions(path: Path) -> list[Function]:
    return [
        node
        for node in parse(path).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_"
    ]


def parameters(function: Function) -> set[str]:
    given = function.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
    return {argument.arg for argument in every if argument is not None}


def attributes(path: Path) -> Iterator[ast.Attribute]:
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Attribute):
            yield node


def source_files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_there_is_a_house_to_look_at() -> None:
    assert len(source_files()) > 50
    assert len(OPERATIONS) > 10


def test_nobody_commits_by_hand() -> None:
    offenders = [
        place(path, node)
        for path in source_files()
        for node in attributes(path)
        if node.attr == "commit"
    ]

    assert offenders == [], "open the transaction with sessions.begin()"


def test_nobody_but_the_settings_reads_the_environment() -> None:
    offenders = [
        place(path, node)
        for path in source_files()
        if str(path.relative_to(SOURCE)) not in READS_ENVIRONMENT
        for node in attributes(path)
        if node.attr in {"environ", "environb", "getenv", "getenvb"}
    ]

    assert offenders == [], "let settings.py read it, and hand the value down"


def test_time_comes_from_one_place() -> None:
    """Otherwise weeks cannot be played through in a minute: some rule would stay behind."""
    readers = {
        str(path.relative_to(SOURCE))
        for path in source_files()
        for node in attributes(path)
        if (ast.unparse(node.value).rpartition(".")[2], node.attr) in TELLS_TIME
    }

    assert readers == READS_CLOCK.keys(), "take a clock, or `now`, as an argument"


@pytest.mark.parametrize("path", OPERATIONS, ids=name_of)
def test_operations_take_the_session_first(path: Path) -> None:
    strays = [
        place(path, function)
        for function in public_functions(path)
        if "session" in parameters(function)
        if ast.unparse(function.args.args[0]) != "session: Session"
    ]

    assert strays == []


@pytest.mark.parametrize("path", OPERATIONS, ids=name_of)
def test_operations_take_the_tenant_second(path: Path) -> None:
    strays = [
        place(path, function)
        for function in public_functions(path)
        if "session" in parameters(function)
        if not {name_of(path), f"{name_of(path)}:{function.name}"} & WITHOUT_TENANT.keys()
        if not takes_tenant_second(function)
    ]

    assert strays == []


def takes_tenant_second(function: Function) -> bool:
    second = [ast.unparse(argument) for argument in function.args.args[1:2]]
    return bool(second) and (
        second[0] == "tenant_id: UUID" or second[0].rpartition(": ")[2] in TENANT_ROWS
    )


def test_every_exception_from_the_tenant_rule_is_needed() -> None:
    known = {name_of(path) for path in OPERATIONS} | {
        f"{name_of(path)}:{function.name}"
        for path in OPERATIONS
        for function in public_functions(path)
    }

    assert WITHOUT_TENANT.keys() - known == set()


def test_only_postgres_writes_sql() -> None:
    offenders = [
        place(path, node)
        for path in source_files()
        if SOURCE / "postgres" not in path.parents
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy")
        if WRITES_SQL & {name.name for name in node.names}
    ]

    assert offenders == []


def test_nobody_asks_for_rows_the_old_way() -> None:
    offenders = [
        place(path, node)
        for path in source_files()
        if SOURCE / "postgres" in path.parents or SOURCE / "workflows" in path.parents
        for node in attributes(path)
        if node.attr == "query" and ast.unparse(node.value) == "session"
    ]

    assert offenders == [], "write select(…)"


def test_only_the_domain_defines_closed_sets_of_words() -> None:
    """A provider's own words, in its folder, and the sandbox's are theirs, not ours."""
    ours = ("api", "cli", "jobs", "postgres", "workflows")
    offenders = [
        place(path, node)
        for room in ours
        for path in sorted((SOURCE / room).rglob("*.py"))
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef)
        if {ast.unparse(base).removeprefix("enum.") for base in node.bases} & {"Enum", "StrEnum"}
    ]

    assert offenders == [], "define it in domain/enums.py"


def test_modules_are_named_for_their_subject() -> None:
    offenders = [place(path) for path in source_files() if path.stem in VAGUE_NAMES]

    assert offenders == []


def test_every_folder_of_code_says_what_it_is_for() -> None:
    silent = [
        place(path)
        for path in SOURCE.rglob("__init__.py")
        if ast.get_docstring(parse(path)) is None
    ]

    assert silent == []


def test_docstrings_describe_no_parameter_that_is_not_there() -> None:
    strays = [
        f"{place(path, function)}: {name}"
        for path in source_files()
        for function in functions(path)
        for name in re.findall(r":param (\w+):", ast.get_docstring(function) or "")
        if name not in parameters(function)
    ]

    assert strays == []


def test_no_address_of_a_package_index_is_written_down() -> None:
    index = re.compile(r"https?://[\w.-]*(pypi|pythonhosted)[\w.-]*", re.IGNORECASE)
    files = [
        ROOT / "pyproject.toml",
        ROOT / "poetry.lock",
        ROOT / "Makefile",
        ROOT / "tools/install",
    ]

    assert [str(path) for path in files if index.search(path.read_text(encoding="utf-8"))] == []
