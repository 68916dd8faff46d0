from dataclasses import replace
from datetime import date

import pytest

from payymo.domain.enums import RunStatus, SyncRemark
from payymo.domain.syncing import (
    AccountChoice,
    AnswerNews,
    Remark,
    remark_on_answer,
    remark_on_choice,
    remark_on_run,
    summarise,
)

TODAY = date(2026, 3, 1)
KNOWN = AnswerNews(
    pulled=52,
    is_news=False,
    asked_from=date(2026, 2, 15),
    answered_on=TODAY,
    bank_asked_on=TODAY,
    newest_known=date(2026, 2, 20),
    has_known_rows=True,
)


class TestRemarks:
    @pytest.mark.parametrize(
        ("news", "expected"),
        [
            (
                KNOWN,
                "All 52 rows of the bank's answer were known already; the latest is of 2026-02-20.",
            ),
            (
                replace(KNOWN, pulled=1, newest_known=None),
                "The one row of the bank's answer was known already.",
            ),
            (
                replace(KNOWN, pulled=0, has_known_rows=False),
                "The bank was asked from 2026-02-15 on, and has no transactions.",
            ),
            (
                replace(KNOWN, pulled=0, has_known_rows=False, asked_from=None),
                "The bank was asked for all it has, and has no transactions.",
            ),
            (
                replace(KNOWN, pulled=0),
                "The bank was asked from 2026-02-15 on and answered with nothing, although "
                "transactions of these days are known: nothing is concluded from that, and they "
                "are asked for again.",
            ),
            (
                replace(KNOWN, bank_asked_on=date(2026, 2, 26)),
                "The provider answered from its store of 2026-02-26, without asking the bank: what "
                "was booked since is not known. If that goes on, renew the connection.",
            ),
        ],
    )
    def test_an_answer_that_brought_nothing_says_why(self, news: AnswerNews, expected: str) -> None:
        remark = remark_on_answer(news)

        assert remark is not None
        assert remark.message == expected

    def test_an_answer_that_brought_something_needs_no_remark(self) -> None:
        assert remark_on_answer(replace(KNOWN, is_news=True)) is None

    def test_an_old_answer_is_remarked_on_even_so(self) -> None:
        news = replace(KNOWN, is_news=True, bank_asked_on=date(2026, 2, 26))

        remark = remark_on_answer(news)

        assert remark is not None
        assert remark.code is SyncRemark.STALE_ANSWER

    def test_a_provider_that_does_not_say_when_it_asked_is_believed(self) -> None:
        remark = remark_on_answer(replace(KNOWN, bank_asked_on=None))

        assert remark is not None
        assert remark.code is SyncRemark.ALL_KNOWN

    @pytest.mark.parametrize(
        ("choice", "why"),
        [
            (AccountChoice(2, 0, 0), "(2 wait for your choice)"),
            (AccountChoice(1, 3, 0), "(1 wait for your choice, 3 switched off)"),
            (AccountChoice(0, 0, 1), "(1 cannot be read with the present consent)"),
            (AccountChoice(0, 0, 0), "(it has none)"),
        ],
    )
    def test_a_connection_of_which_no_account_is_read_says_so(
        self, choice: AccountChoice, why: str
    ) -> None:
        remark = remark_on_choice(choice)

        assert remark.code is SyncRemark.NO_ACCOUNT
        assert why in remark.message

    def test_a_run_is_remarked_on_when_no_account_brought_anything(self) -> None:
        quiet, known = Remark(SyncRemark.QUIET, "Quiet."), Remark(SyncRemark.ALL_KNOWN, "Known.")
        stale = Remark(SyncRemark.STALE_ANSWER, "Old.")

        assert remark_on_run([]) is None
        assert remark_on_run([quiet, None]) is None
        assert remark_on_run([quiet]) == quiet
        assert remark_on_run([known, stale, known]) == Remark(
            SyncRemark.STALE_ANSWER,
            "None of 3 accounts had anything new. For 1 of them: Old.",
        )


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], RunStatus.SUCCEEDED),
        ([RunStatus.SUCCEEDED, RunStatus.SUCCEEDED], RunStatus.SUCCEEDED),
        ([RunStatus.FAILED, RunStatus.FAILED], RunStatus.FAILED),
        ([RunStatus.FAILED, RunStatus.SUCCEEDED], RunStatus.PARTIAL),
        ([RunStatus.PARTIAL], RunStatus.PARTIAL),
    ],
)
def test_a_run_goes_as_its_accounts_go(statuses: list[RunStatus], expected: RunStatus) -> None:
    assert summarise(statuses) is expected
