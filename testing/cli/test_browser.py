"""Forms are read as a browser reads them, and a consent is walked to its end."""

from collections.abc import Callable

import httpx
import pytest

from payymo.cli.browser import PAGES_MAX, read_forms, walk_consent
from payymo.domain.errors import ProviderError

PAGE = """
<form method="POST" action="/next">
<input name="user" value="none"><input type="password" name="code">
<label><input type="checkbox" name="accounts" value="a" checked>A</label>
<label><input type="checkbox" name="accounts" value="b" checked>B</label>
<label><input type="checkbox" name="accounts" value="c">C</label>
<select name="books"><option value="one">1</option><option value="two" selected>2</option></select>
<select name="plain"><option value="first">1</option><option value="second">2</option></select>
<button name="decision" value="confirm">Yes</button>
<button name="decision" value="refuse">No</button>
</form>
"""
DONE = "https://payymo.test/callback"


def browser(answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
    return httpx.Client(transport=httpx.MockTransport(answer))


class TestReadForms:
    def test_untouched_fields_say_what_a_browser_would_send(self) -> None:
        (form,) = read_forms(PAGE)

        assert (form.method, form.action) == ("post", "/next")
        assert form.fields == {
            "user": ["none"],
            "code": [""],
            "accounts": ["a", "b"],
            "books": ["two"],
            "plain": ["first"],
        }
        assert form.buttons == [("decision", "confirm"), ("decision", "refuse")]

    def test_a_page_without_a_form_has_none(self) -> None:
        assert read_forms("<p>Sorry.</p>") == []


class TestWalkConsent:
    def test_answers_are_typed_and_the_first_button_is_pressed(self) -> None:
        sent: list[bytes] = []

        def answer(request: httpx.Request) -> httpx.Response:
            if request.method == "POST":
                sent.append(request.content)
                return httpx.Response(303, headers={"Location": f"{DONE}?ref=1"})
            return httpx.Response(200, text=PAGE if "bank" in request.url.host else "done")

        response, pages = walk_consent(
            browser(answer), "https://bank.test/start", answers={"user": "me"}, until=DONE
        )

        assert (response.text, pages) == ("done", 1)
        assert sent == [
            b"user=me&code=&accounts=a&accounts=b&books=two&plain=first&decision=confirm"
        ]

    def test_a_dead_end_is_an_error(self) -> None:
        with pytest.raises(ProviderError, match="did not lead back"):
            walk_consent(
                browser(lambda _: httpx.Response(200, text="<p>Closed.</p>")),
                "https://bank.test/start",
                answers={},
                until=DONE,
            )

    def test_a_circle_ends(self) -> None:
        requests: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            return httpx.Response(200, text=PAGE)

        with pytest.raises(ProviderError):
            walk_consent(browser(answer), "https://bank.test/start", answers={}, until=DONE)

        assert len(requests) == PAGES_MAX
