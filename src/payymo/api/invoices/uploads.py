"""A file of invoices on its way in: as a part of a form, or as the body itself."""

from dataclasses import dataclass
from http import HTTPStatus
from pathlib import PurePath
from typing import Annotated, Any, Final

from fastapi import Depends, HTTPException, Query, Request
from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from payymo.domain.enums import InvoiceFileFormat
from payymo.domain.errors import InvalidInputError, Problem

_FORM: Final = "multipart/form-data"
_FILENAME_CHARACTERS_MAX: Final = 255
_FORM_FIELDS: Final = frozenset({"file", "dry_run"})

_FORMATS_BY_MEDIA_TYPE: Final = {
    "text/csv": InvoiceFileFormat.CSV,
    "application/csv": InvoiceFileFormat.CSV,
    "application/x-ndjson": InvoiceFileFormat.JSON_LINES,
    "application/jsonl": InvoiceFileFormat.JSON_LINES,
}
_FORMATS_BY_SUFFIX: Final = {
    ".csv": InvoiceFileFormat.CSV,
    ".jsonl": InvoiceFileFormat.JSON_LINES,
    ".ndjson": InvoiceFileFormat.JSON_LINES,
}
_DRY_RUN: Final = TypeAdapter(bool)

#: What OpenAPI says of the body, which FastAPI cannot read off the function.
REQUEST_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {
        _FORM: {
            "schema": {
                "type": "object",
                "required": ["file"],
                "additionalProperties": False,
                "properties": {
                    "file": {
                        "type": "string",
                        "format": "binary",
                        "description": "A file named .csv, .jsonl or .ndjson, or of such a type.",
                    },
                    "dry_run": {"type": "boolean", "default": False},
                },
            }
        },
        "text/csv": {
            "schema": {"type": "string"},
            "example": "number,customer_number,customer_name,currency,total,issue_date\n"
            "INV-1,C-1,Example Ltd,EUR,119.00,2026-02-01\n",
        },
        "application/x-ndjson": {
            "schema": {"type": "string"},
            "example": '{"number": "INV-1", "customer_number": "C-1", "currency": "EUR", '
            '"customer_name": "Example Ltd", "total": "119.00", "issue_date": "2026-02-01"}\n',
        },
    },
}


@dataclass(frozen=True, slots=True)
class InvoiceFile:
    """A file of invoices, not yet looked into.

    :ivar filename: Its name, where the client told.
    :ivar dry_run: Whether only to say what it would bring.
    """

    content: bytes
    filename: str | None
    file_format: InvoiceFileFormat
    dry_run: bool


async def read_invoice_file(
    request: Request,
    dry_run: Annotated[
        bool, Query(description="Check the file and say what it would bring; keep nothing.")
    ] = False,
) -> InvoiceFile:
    """Return the file that a request brings.

    :raises InvalidInputError: If a form does not hold exactly one file.
    :raises HTTPException: 415 if its format cannot be told.
    """
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type == _FORM:
        async with request.form(max_files=1, max_fields=len(_FORM_FIELDS)) as form:
            return await _read_form(form, dry_run=dry_run)
    file_format = _FORMATS_BY_MEDIA_TYPE.get(media_type)
    if file_format is None:
        raise _unknown_format()
    return InvoiceFile(
        content=await request.body(), filename=None, file_format=file_format, dry_run=dry_run
    )


InvoiceFileDep = Annotated[InvoiceFile, Depends(read_invoice_file)]


async def _read_form(form: FormData, *, dry_run: bool) -> InvoiceFile:
    unknown = [
        Problem(field, "There is no such field: remove it or correct its name.")
        for field in form
        if field not in _FORM_FIELDS
    ]
    if unknown:
        raise InvalidInputError("The form is not valid.", problems=unknown)
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise InvalidInputError(
            "The form is not valid.", problems=[Problem("file", "Send the file in this field.")]
        )
    if "\0" in (file.filename or "") or len(file.filename or "") > _FILENAME_CHARACTERS_MAX:
        sentence = (
            f"The file's name must have at most {_FILENAME_CHARACTERS_MAX} characters, none of "
            "them NUL."
        )
        raise InvalidInputError("The form is not valid.", problems=[Problem("file", sentence)])
    return InvoiceFile(
        content=await file.read(),
        filename=file.filename,
        file_format=_format_of(file),
        dry_run=dry_run or _read_dry_run(form),
    )


def _format_of(file: UploadFile) -> InvoiceFileFormat:
    media_type = (file.content_type or "").partition(";")[0].strip().lower()
    suffix = PurePath(file.filename or "").suffix.lower()
    file_format = _FORMATS_BY_SUFFIX.get(suffix) or _FORMATS_BY_MEDIA_TYPE.get(media_type)
    if file_format is None:
        raise _unknown_format()
    return file_format


def _unknown_format() -> HTTPException:
    return HTTPException(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Send the file as text/csv or application/x-ndjson, or in a form (multipart/form-data) "
        "with a name that ends in .csv, .jsonl or .ndjson.",
    )


def _read_dry_run(form: FormData) -> bool:
    try:
        return _DRY_RUN.validate_python(form.get("dry_run", "false"))
    except ValidationError as error:
        raise InvalidInputError(
            "The form is not valid.",
            problems=[Problem("dry_run", "This must be true or false.")],
        ) from error
