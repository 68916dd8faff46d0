"""Banks are known once, and brought up to date."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session
from testing.consenting_bank import an_institution
from testing.factories import NOW, add_institution
from uuid_utils.compat import uuid7

from payymo.domain.enums import Provider
from payymo.domain.errors import NotFoundError
from payymo.postgres.common.operations.institutions import (
    find_institution,
    find_last_refresh,
    get_institution,
    list_institutions,
    record_institutions,
    record_refresh,
)

GOCARDLESS = Provider.GOCARDLESS


class TestListInstitutions:
    @pytest.fixture(autouse=True)
    def banks(self, session: Session) -> None:
        add_institution(session, name="beta Bank", bic="BETAGB2L", countries=["GB", "IE"])
        add_institution(session, name="Alpha 100%", bic=None, countries=["SE"])
        add_institution(session, name="Gamma_Bank", bic="GAMASE2L", countries=["SE"])

    @pytest.mark.parametrize(
        ("question", "names"),
        [
            ({}, ["Alpha 100%", "beta Bank", "Gamma_Bank"]),
            ({"country": "se"}, ["Alpha 100%", "Gamma_Bank"]),
            ({"country": "IE"}, ["beta Bank"]),
            ({"country": "FR"}, []),
            ({"q": "BANK"}, ["beta Bank", "Gamma_Bank"]),
            ({"q": "gamase"}, ["Gamma_Bank"]),
            ({"q": "0%"}, ["Alpha 100%"]),
            ({"q": "_"}, ["Gamma_Bank"]),
            ({"provider": GOCARDLESS, "country": "SE", "q": "alpha"}, ["Alpha 100%"]),
        ],
    )
    def test_what_is_asked_for_is_listed_by_name(
        self, session: Session, question: dict[str, str], names: list[str]
    ) -> None:
        page = list_institutions(session, **question, page=1, per_page=10)  # type: ignore[arg-type]  # of any type

        assert [bank.name for bank in page.rows] == names
        assert page.total == len(names)

    def test_a_page_holds_no_more_than_it_should(self, session: Session) -> None:
        page = list_institutions(session, page=2, per_page=2)

        assert [bank.name for bank in page.rows] == ["Gamma_Bank"]
        assert page.total == 3


class TestRecordInstitutions:
    def test_a_known_bank_keeps_its_id_and_says_the_latest(self, session: Session) -> None:
        record_institutions(session, GOCARDLESS, [an_institution("B")], now=NOW)
        before = find_institution(session, GOCARDLESS, "B")
        assert before is not None
        later = NOW + timedelta(days=1)

        stored = record_institutions(
            session, GOCARDLESS, [an_institution("B", name="Renamed")], now=later
        )

        session.expire_all()
        after = get_institution(session, before.id)
        assert (stored, after.name, after.fetched_at) == (1, "Renamed", later)

    def test_one_that_is_named_twice_is_stored_once(self, session: Session) -> None:
        twice = [an_institution("B"), an_institution("B")]

        assert record_institutions(session, GOCARDLESS, twice, now=NOW) == 1

    def test_none_is_none(self, session: Session) -> None:
        assert record_institutions(session, GOCARDLESS, [], now=NOW) == 0

    def test_an_unknown_bank_is_not_found(self, session: Session) -> None:
        assert find_institution(session, GOCARDLESS, "nobody") is None
        with pytest.raises(NotFoundError):
            get_institution(session, uuid7())


class TestRefresh:
    def test_the_latest_counts(self, session: Session) -> None:
        assert find_last_refresh(session, GOCARDLESS, "GB") is None
        record_refresh(session, GOCARDLESS, "GB", now=NOW)
        later = NOW + timedelta(hours=1)

        record_refresh(session, GOCARDLESS, "GB", now=later)

        assert find_last_refresh(session, GOCARDLESS, "GB") == later
        assert find_last_refresh(session, GOCARDLESS, None) is None
