"""``payymo replay`` and ``payymo connections revert``, as the operator sees them."""

import json
from uuid import UUID

import pytest
from sqlalchemy import update
from testing.cli.running import payymo, told
from testing.fakes import a_payload
from testing.workflows.test_standardise import Book

from payymo.domain.errors import InvalidInputError, NotFoundError
from payymo.postgres.common.models import Transaction
from payymo.postgres.gocardless.models import GcFetch
from payymo.postgres.tenancy import tenant_transaction


@pytest.fixture
def run_id(book: Book) -> UUID:
    """A sync that brought one transaction."""
    return book.pull("a", [a_payload("-10.00", "2026-02-20", "Bakery")], []).sync_run_id


@pytest.mark.usefixtures("run_id")
class TestReplay:
    def test_of_an_undisturbed_ledger_finds_nothing(self) -> None:
        said = told("replay")

        assert "1 raw rows in 1 answers; 1 kept, 0 changed, 0 added, 0 would duplicate" in said
        assert "would change" not in said

    def test_tells_what_differs_and_puts_it_right_when_asked(self, book: Book) -> None:
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(update(Transaction).values(payee="Nobody"))

        (report,) = json.loads(told("replay", "--json"))
        said = told("replay", "--apply")
        again = told("replay", "--account", report["account_id"])

        (difference,) = report["differences"]
        assert report["counts"]["changed"] == 1
        assert difference["explanation"].endswith(
            "would change: payee is “Nobody” and would be “Bakery”."
        )
        assert difference["explanation"] in said
        assert "1 applied; 0 kept as they are" in said
        assert "1 kept, 0 changed" in again

    def test_says_which_answers_are_known_in_part(self, book: Book) -> None:
        with tenant_transaction(book.sessions, book.tenant_id) as session:
            session.execute(
                update(GcFetch).where(GcFetch.tenant_id == book.tenant_id).values(positions=None)
            )

        assert "Of 1 answers it was not noted which known rows they repeated" in told("replay")

    def test_a_version_that_never_was_is_refused(self) -> None:
        assert isinstance(payymo("replay", "--identity-version", "9").exception, InvalidInputError)


class TestRevert:
    def test_a_dry_run_tells_and_the_real_one_does(self, run_id: UUID) -> None:
        tried = told("connections", "revert", str(run_id), "--dry-run")
        done = told("connections", "revert", str(run_id))
        again = told("connections", "revert", str(run_id), "--dry-run")

        assert "1 transactions would be removed and 0 would be restored." in tried
        assert "1 transactions were removed and 0 were restored." in done
        assert "In the way: The sync was taken back already." in again

    def test_a_run_that_is_not_there_is_said(self, book: Book) -> None:
        refused = payymo("connections", "revert", str(book.tenant_id)).exception

        assert isinstance(refused, NotFoundError)
