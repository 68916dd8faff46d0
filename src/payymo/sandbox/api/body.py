"""Reading requests as the service does: JSON, form or multipart, one list of problems per field."""

import json
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from fastapi import Request

from payymo.sandbox.errors import RefusalError, invalid_id, problem, refusal, unknown_fields

REQUIRED = "This field is required."
BLANK = "This field may not be blank."
NULL = "This field may not be null."

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class Problems:
    """Collects what is wrong with a body, to be refused at once."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}

    def say(self, field: str, text: str) -> None:
        """Add a plain sentence to a field's list."""
        self._fields.setdefault(field, [])
        if isinstance(self._fields[field], list):
            self._fields[field].append(text)

    def put(self, field: str, summary: str, detail: str) -> None:
        """Set a field's problem in the shape of one object, unless it has one already."""
        self._fields.setdefault(field, problem(summary, detail))

    def list(self, field: str, summary: str, detail: str) -> None:
        """Add a problem in the shape of a list of objects."""
        self._fields.setdefault(field, [])
        if isinstance(self._fields[field], list):
            self._fields[field].append(problem(summary, detail))

    def knows(self, field: str) -> bool:
        """Return whether a field has a problem already."""
        return field in self._fields

    def refuse(self) -> None:
        """End the request if anything is wrong.

        :raises RefusalError: 400 with all problems.
        """
        if self._fields:
            raise RefusalError(400, self._fields)


async def read_body(request: Request, known: Iterable[str]) -> dict[str, Any]:
    """Return the fields of a request's body.

    :param request: Request with a JSON, form or multipart body.
    :param known: Names of the documented fields.
    :returns: Values by name; texts where the body is a form, lists where a field is repeated.
    :raises RefusalError: 400 if the body cannot be read, 400 if it has unknown fields.
    """
    if request.headers.get("content-type", "").startswith(_FORMS):
        form = await request.form()
        fields = {
            name: values if len(values := form.getlist(name)) > 1 else values[0] for name in form
        }
    else:
        fields = _parse_json(await request.body())
    strangers = sorted(set(fields) - set(known))
    if strangers:
        raise unknown_fields(strangers, "body")
    return fields


def check_query(request: Request, known: Iterable[str]) -> None:
    """Refuse query parameters that are not documented.

    :raises RefusalError: 400.
    """
    strangers = sorted(set(request.query_params) - set(known))
    if strangers:
        raise unknown_fields(strangers, "query")


def check_uuid(noun: str, value: str) -> str:
    """Return an id in its usual form.

    :param noun: What it is an id of, as the service says it; may be empty.
    :param value: Text of the path.
    :raises RefusalError: 400 if it is no UUID.
    """
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise invalid_id(noun, value) from None


def text_field(
    fields: dict[str, Any],
    name: str,
    problems: Problems,
    *,
    required: bool = False,
    length_max: int | None = None,
) -> str | None:
    """Return a text field, or nothing if it is absent or wrong."""
    value = fields.get(name)
    if value is None:
        if name in fields:
            problems.say(name, NULL)
        elif required:
            problems.say(name, REQUIRED)
        return None
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        problems.say(name, "Not a valid string.")
        return None
    text = str(value).strip()
    if not text:
        problems.say(name, BLANK)
        return None
    if length_max is not None and len(text) > length_max:
        problems.say(name, f"Ensure this field has no more than {length_max} characters.")
        return None
    return text


def integer_field(fields: dict[str, Any], name: str, problems: Problems, default: int) -> int:
    """Return an integer field, or its default if it is absent or wrong."""
    value = fields.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | str):
        problems.say(name, "A valid integer is required.")
        return default
    try:
        return int(value)
    except ValueError:
        problems.say(name, "A valid integer is required.")
        return default


def boolean_field(fields: dict[str, Any], name: str, problems: Problems) -> bool:
    """Return a boolean field; absent means false."""
    value = fields.get(name, False)
    if value in (True, "true", "True", "1"):
        return True
    if value not in (False, "false", "False", "0"):
        problems.say(name, "Must be a valid boolean.")
    return False


def is_uri(text: str) -> bool:
    """Return whether a text is an absolute address that a browser can be sent to."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme.isascii() and parts.scheme and (parts.netloc or parts.path))


def _parse_json(content: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(content or b"{}")
    except ValueError as error:
        raise refusal(400, "JSON parse error", f"JSON parse error - {error}") from error
    if not isinstance(fields, dict):
        kind = type(fields).__name__
        raise refusal(400, "Invalid data", f"Invalid data. Expected a dictionary, but got {kind}.")
    return fields
