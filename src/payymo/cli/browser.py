"""A browser's least: follows links and submits forms, so that a consent page can be walked."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from payymo.domain.errors import ProviderError

#: Pages that a consent may take before we call it a circle.
PAGES_MAX = 12


@dataclass(slots=True)
class Form:
    """A form as the page shows it.

    :ivar fields: Values that a browser would send if nothing were touched.
    :ivar buttons: Name and value of each submit button, in order.
    """

    action: str
    method: str
    fields: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a form, or of a field of the form that is open."""
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(
                Form(attributes.get("action", ""), attributes.get("method", "get").lower())
            )
        elif self.forms:
            self._take_field(tag, attributes)

    def _take_field(self, tag: str, attributes: dict[str, str]) -> None:
        form = self.forms[-1]
        name = attributes.get("name", "")
        kind = attributes.get("type", "submit" if tag == "button" else "text")
        if tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            if "selected" in attributes or self._select not in form.fields:
                form.fields[self._select] = [attributes.get("value", "")]
        elif kind == "submit" and tag in {"input", "button"}:
            form.buttons.append((name, attributes.get("value", "")))
        elif (
            tag == "input"
            and name
            and (kind not in {"checkbox", "radio"} or "checked" in attributes)
        ):
            form.fields.setdefault(name, []).append(attributes.get("value", ""))

    def handle_endtag(self, tag: str) -> None:
        """Leave a list of options."""
        if tag == "select":
            self._select = None


def read_forms(html: str) -> list[Form]:
    """Return the forms of a page, in order.

    :param html: The page.
    """
    reader = _FormReader()
    reader.feed(html)
    return reader.forms


def walk_consent(
    browser: httpx.Client, url: str, *, answers: dict[str, str], until: str
) -> tuple[httpx.Response, int]:
    """Click through a consent page as its account holder would who agrees to everything.

    :param browser: Client that follows no redirects by itself, and keeps cookies.
    :param url: Where the consent begins.
    :param answers: What to type into the fields of these names.
    :param until: Address that the walk ends at: where the bank sends the browser back.
    :returns: The answer at ``until``, and how many pages were shown on the way.
    :raises ProviderError: If the walk ends anywhere else.
    """
    request = browser.build_request("GET", url)
    pages = 0
    while pages < PAGES_MAX:
        response = browser.send(request)
        if str(request.url).startswith(until):
            return response, pages
        if response.is_redirect:
            request = browser.build_request("GET", urljoin(url, response.headers["location"]))
            continue
        pages += 1
        forms = read_forms(response.text) if response.is_success else []
        if not forms:
            break
        request = _submit(browser, str(request.url), forms[0], answers)
    raise ProviderError("The consent page did not lead back to Payymo.")


def _submit(
    browser: httpx.Client, page_url: str, form: Form, answers: dict[str, str]
) -> httpx.Request:
    data = dict(form.fields)
    if form.buttons and form.buttons[0][0]:
        name, value = form.buttons[0]
        data[name] = [value]
    data.update({name: [value] for name, value in answers.items() if name in data})
    target = urljoin(page_url, form.action)
    if form.method == "post":
        return browser.build_request("POST", target, data=data)
    return browser.build_request("GET", target, params=data)
