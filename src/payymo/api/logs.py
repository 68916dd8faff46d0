"""The log: one JSON object on each line, and never a word of personal data."""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from payymo.api.context import current_request
from payymo.domain.errors import PayymoError

_USUAL_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a log record as one JSON object.

    ``extra=`` values are fields of their own; the request, its tenant and its user are added. Of
    an exception it tells the type and the places in the code: other people's messages quote
    values.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        request = current_request.get()
        if request is not None:
            line["request_id"] = request.request_id
            if request.member is not None:
                line["tenant_id"] = str(request.member.tenant_id)
                line["user_id"] = str(request.member.user_id)
        line.update(
            (name, value) for name, value in vars(record).items() if name not in _USUAL_FIELDS
        )
        # Whoever logs with exc_info=False leaves just that in the record.
        if record.exc_info and record.exc_info[1] is not None:
            line["error"] = _describe(record.exc_info[1])
        return json.dumps(line, default=str, ensure_ascii=False)


def configure_logging(level: str = "INFO") -> None:
    """Send every log record of this process to standard error, as JSON lines.

    :param level: Least severity that is written, by its name.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # It would write every address that is asked for, with the ids of people's accounts.
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _describe(error: BaseException) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "stack": [
            f"{frame.filename}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)
        ],
    }
    if isinstance(error, PayymoError):
        described["message"] = error.message
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        described["cause"] = _describe(cause)
    return described
