"""Precision and recall, derived by hand."""

import pytest

from payymo.cli.scoring import Truth, score_links


def truth(*invoices: str, **equivalents: set[str]) -> Truth:
    return Truth(
        frozenset(invoices), {number: frozenset(same) for number, same in equivalents.items()}
    )


class TestScoreLinks:
    def test_a_right_and_a_wrong_link_make_half_a_precision(self) -> None:
        score = score_links(
            {"p1": ["A"], "p2": ["B"]}, {"p1": truth("A"), "p2": truth("C"), "p3": truth("D", "E")}
        )

        assert (score.found, score.right, score.true) == (2, 1, 4)
        assert score.precision == pytest.approx(0.5)
        assert score.recall == pytest.approx(0.25)

    def test_an_equal_sibling_is_as_right_but_only_once(self) -> None:
        twin = truth("A", A={"B", "C"})

        assert score_links({"p": ["B"]}, {"p": twin}).right == 1
        assert score_links({"p": ["B", "C"]}, {"p": twin}).right == 1
        assert score_links({"p": ["A", "B"]}, {"p": twin}).right == 1

    def test_a_link_of_a_payment_that_pays_nothing_is_wrong(self) -> None:
        assert score_links({"p": ["A"]}, {"p": truth()}).right == 0
        assert score_links({"unknown": ["A"]}, {}).right == 0

    def test_nothing_found_has_no_precision_rather_than_a_perfect_one(self) -> None:
        score = score_links({}, {"p": truth("A")})

        assert score.precision is None
        assert score.recall == pytest.approx(0.0)
        assert score_links({}, {}).recall is None
