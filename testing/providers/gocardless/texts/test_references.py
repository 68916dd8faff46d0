import pytest

from payymo.providers.gocardless.texts.references import find_reference


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("thanks RF18 5390 0754 7034", "RF18539007547034"),
        ("RF18539007547034 for March", "RF18539007547034"),
        ("rf18539007547034", "RF18539007547034"),
        ("pay +++090/9337/55493+++ now", "090933755493"),
        ("***090/9337/55493***", "090933755493"),
        ("210000000003139471430009017", "210000000003139471430009017"),
        ("21 00000 00003 13947 14300 09017", "210000000003139471430009017"),
        ("VIITE 12344", "12344"),  # 7·4 + 3·3 + 1·2 + 7·1 = 46, and 4 makes 50
        ("KID: 2345676", "2345676"),  # Luhn: 6+5+6+1+4+6+2 makes 30
        ("KID 12344", "12344"),
        ("RF19 5390 0754 7034", None),
        ("+++090/9337/55494+++", None),
        ("210000000003139471430009018", None),
        ("VIITE 12345", None),
        ("12344", None),
        ("RF", None),
        ("", None),
    ],
)
def test_a_reference_in_a_text_counts_only_with_its_check_digit(
    text: str, reference: str | None
) -> None:
    assert find_reference(None, text) == reference


@pytest.mark.parametrize(
    ("structured", "reference"),
    [
        ("RF18 5390 0754 7034", "RF18539007547034"),
        ("090933755493", "090933755493"),
        ("2026-000123", "2026-000123"),
        ("INV2026", "INV2026"),
        ("1234 5678", "12345678"),
        ("Invoice 12 of March", None),
        ("some-name", None),
        ("x" * 100, None),
        ("7", None),
    ],
)
def test_the_field_for_references_is_one_where_it_is_no_prose(
    structured: str, reference: str | None
) -> None:
    assert find_reference(structured, None) == reference


def test_the_field_wins_over_the_text() -> None:
    assert find_reference("2026-000123", "RF18 5390 0754 7034") == "2026-000123"
