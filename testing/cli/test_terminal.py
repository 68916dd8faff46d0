"""People get sentences and tables, programs get JSON, and nobody's text is obeyed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from io import StringIO
from types import MappingProxyType
from uuid import UUID

import pytest
from rich.console import Console

from payymo.cli.terminal import ProgressLine, print_error, print_json, print_table
from payymo.domain.enums import Direction
from payymo.domain.errors import InvalidInputError, Problem


class TestTable:
    def test_cells_are_shown_as_they_are(self, capsys: pytest.CaptureFixture[str]) -> None:
        rows = [("[red]RENT[/red]", Decimal("10.50")), (r"A\[/b]", None)]

        print_table("Two rows", ("text", "amount #"), rows)

        lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
        assert lines == [
            "Two rows",
            "text             amount",
            "[red]RENT[/red]   10.50",
            r"A\[/b]",
        ]

    def test_a_bank_cannot_command_the_terminal(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_table("One row", ("text",), [("Shop\x1b[2J\x07\r\u202eLtd",)])

        assert capsys.readouterr().out.splitlines()[-1].rstrip() == "Shop [2J   Ltd"


class TestProgressLine:
    def shown(self, *, is_terminal: bool, seconds: Iterable[float]) -> str:
        """Return what is written of four steps that are told of at these times, and cleared."""
        clock = iter(seconds)
        written = StringIO()
        console = Console(
            file=written, force_terminal=is_terminal, color_system=None, soft_wrap=True
        )
        line = ProgressLine(console, lambda: next(clock))
        for place in range(4):
            line.show(f"{place} of 3: [b]{'x' * 100}")
        line.clear()
        return written.getvalue()

    def test_a_terminal_has_one_line_that_is_written_over(self) -> None:
        text = self.shown(is_terminal=True, seconds=[0])

        assert "\n" not in text
        assert [len(part) for part in text.split("\r")] == [78, 78, 78, 78, 78, 0]
        assert text.split("\r")[4].strip() == ""

    def test_a_file_has_whole_lines_now_and_then(self) -> None:
        # Told at 0 s (begun), then looked at 3, 10 (told, and noted at 10), 19.9 and 20 s.
        text = self.shown(is_terminal=False, seconds=[0, 3, 10, 10, 19.9, 20, 20])

        assert "\r" not in text
        assert [line[:12] for line in text.splitlines()] == ["1 of 3: [b]x", "3 of 3: [b]x"]


@dataclass(frozen=True)
class Row:
    id: UUID
    amount: Decimal
    direction: Direction
    day: date
    moment: datetime
    counts: MappingProxyType[str, int]


class TestJson:
    def test_records_are_written_with_exact_amounts(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        row = Row(
            id=UUID(int=1),
            amount=Decimal("0.10"),
            direction=Direction.CREDIT,
            day=date(2026, 3, 1),
            moment=datetime(2026, 3, 1, 12, tzinfo=UTC),
            counts=MappingProxyType({"added": 1}),
        )

        print_json({"rows": (row,), "none": None})

        (line,) = capsys.readouterr().out.splitlines()
        assert json.loads(line) == {
            "rows": [
                {
                    "id": "00000000-0000-0000-0000-000000000001",
                    "amount": "0.10",
                    "direction": "credit",
                    "day": "2026-03-01",
                    "moment": "2026-03-01T12:00:00+00:00",
                    "counts": {"added": 1},
                }
            ],
            "none": None,
        }

    def test_what_has_no_form_is_refused(self) -> None:
        with pytest.raises(TypeError, match="object has no JSON form"):
            print_json([object()])


class TestError:
    def test_it_is_a_sentence_for_people(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_error(InvalidInputError("The bank said [/nothing]."))

        printed = capsys.readouterr()
        assert (printed.out, printed.err) == ("", "Error: The bank said [/nothing].\n")

    def test_single_faults_follow_as_far_as_they_can_be_read(
        self, capsys: pytest.CaptureFixture[str]
    ) -> None:
        problems = [Problem(f"line {number}", "Wrong.") for number in range(1, 23)]

        print_error(InvalidInputError("The file has faults.", problems=problems))

        lines = capsys.readouterr().err.splitlines()
        assert lines[:2] == ["Error: The file has faults.", "  line 1: Wrong."]
        assert lines[20:] == ["  line 20: Wrong.", "  … and 2 more."]

    def test_a_fault_of_no_field_has_no_place(self, capsys: pytest.CaptureFixture[str]) -> None:
        print_error(InvalidInputError("It cannot be.", problems=[Problem(None, "It is empty.")]))

        assert capsys.readouterr().err.splitlines()[1] == "  It is empty."
