import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from testing.sandbox.conftest import API, Visitor

from payymo.domain.errors import ConfigurationError
from payymo.sandbox.server import create_sandbox
from payymo.sandbox.state import State, load_state, save_state


def test_a_restarted_sandbox_still_knows_its_consents(
    make_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "sandbox.json"
    before = make_visitor(state_path=path)
    account = before.household()
    before.get(f"/accounts/{account}/balances/")
    before.fault("service_error", endpoint="details")
    before.pass_days(1)

    assert load_state(path) == before.state
    after = make_visitor(state_path=path)
    after.tokens = before.tokens

    assert after.state is not before.state
    answer = after.get(f"/accounts/{account}/balances/")
    assert answer.status_code == 200
    assert after.get(f"/accounts/{account}/details/").status_code == 503


def test_calls_are_counted_over_a_restart(
    make_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    path = tmp_path / "sandbox.json"
    visitor = make_visitor(state_path=path)
    account = visitor.household()
    for _ in range(4):
        visitor.get(f"/accounts/{account}/balances/")

    assert make_visitor(state_path=path).get(f"/accounts/{account}/balances/").status_code == 429


def test_the_file_is_for_its_owner_alone(
    make_visitor: Callable[..., Visitor], tmp_path: Path
) -> None:
    path = tmp_path / "sandbox.json"
    make_visitor(state_path=path).household()

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_holds_no_token(make_visitor: Callable[..., Visitor], tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    visitor = make_visitor(state_path=path)
    visitor.get("/institutions/")

    assert visitor.tokens["access"] not in path.read_text()
    assert visitor.tokens["refresh"] not in path.read_text()


def test_secrets_are_generated_and_never_the_same() -> None:
    one, other = create_sandbox().state.sandbox.state, create_sandbox().state.sandbox.state

    assert one.secret_id != other.secret_id
    assert one.secret_key != other.secret_key
    assert len(one.secret_key) == 128


def test_given_secrets_win_over_remembered_ones(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    save_state(State("id-1", "key-1"), path)

    remembered = create_sandbox(state_path=path).state.sandbox.state
    given = create_sandbox(state_path=path, secret_id="id-2", secret_key="key-2")

    assert (remembered.secret_id, remembered.secret_key) == ("id-1", "key-1")
    assert given.state.sandbox.is_customer("id-2", "key-2")
    assert not given.state.sandbox.is_customer("id-1", "key-1")


@pytest.mark.parametrize("content", ["", "{}", json.dumps({"secret_id": 5}), "\\x00"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match="delete it"):
        create_sandbox(state_path=path)


def test_where_there_is_no_file_there_is_no_state(tmp_path: Path) -> None:
    assert load_state(tmp_path / "none.json") is None
    assert load_state(None) is None


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.json"
    save_state(State("id", "key"), path)
    unwritable = State("id", "key")
    unwritable.tokens = {1: object()}  # type: ignore[dict-item]  # on purpose

    with pytest.raises(TypeError):
        save_state(unwritable, path)

    assert load_state(path) == State("id", "key")
    assert list(tmp_path.iterdir()) == [path]


def test_expired_tokens_are_forgotten(visitor: Visitor) -> None:
    visitor.pass_days(31)

    assert len(visitor.state.tokens) == 2
    assert visitor.web.get(f"{API}/institutions/").status_code == 401
