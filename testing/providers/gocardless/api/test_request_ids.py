import pytest

from payymo.providers.gocardless.api.request_ids import read_request_id


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"CF-RAY": "912d33138a2171ec-LHR"}, "912d33138a2171ec-LHR"),
        ({"cf-ray": " 912d33138a2171ec-LHR "}, "912d33138a2171ec-LHR"),
        ({"cf-ray": "912d33138a2171ec-LHR", "X-Request-ID": "own-name-1"}, "own-name-1"),
        ({"cf-ray": "912d33138a2171ec-LHR", "X-Request-ID": "no <name>"}, "912d33138a2171ec-LHR"),
        # Seen in answers, and not said to name the request.
        ({"x-c-uuid": "07a75933-1cbc-44e2-bd48-98cd61d08edb"}, None),
        ({"cf-ray": "a" * 129}, None),
        ({}, None),
    ],
)
def test_a_request_is_called_as_its_answer_says(headers: dict[str, str], name: str | None) -> None:
    assert read_request_id(headers) == name
