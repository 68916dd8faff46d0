"""How answers of the warehouse are sent: as JSON with their age, or as files."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from email.utils import format_datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import msgspec
from fastapi import Response
from fastapi.responses import StreamingResponse

from payymo.analytics.datasets import Freshness
from payymo.analytics.queries import Question
from payymo.analytics.reading import Reader
from payymo.analytics.writing import csv_chunks, write_parquet
from payymo.api.analytics.models import FreshMeta, FreshnessRead, FreshPageMeta
from payymo.api.envelopes import envelope, page_meta
from payymo.api.pagination import Paging
from payymo.domain.enums import RowFormat

CSV: Final = "text/csv; charset=utf-8"
PARQUET: Final = "application/vnd.apache.parquet"
_FILE_CHUNK_BYTES: Final = 2**18
_ENCODER: Final = msgspec.json.Encoder()


def fresh_page(data: bytes, freshness: Freshness, *, total: int, paging: Paging) -> Response:
    """Return the answer that holds one page of a list, and how old it is.

    :param data: JSON list.
    :param freshness: Of the build that answers.
    :param total: How many rows the whole list has.
    :param paging: Which page was asked for.
    """
    meta = FreshPageMeta(
        **page_meta(total, paging).model_dump(), freshness=FreshnessRead.of(freshness)
    )
    return envelope(data, meta=meta)


def fresh_item(data: bytes, freshness: Freshness) -> Response:
    """Return the answer that holds one thing, and how old it is.

    :param data: JSON object.
    :param freshness: Of the build that answers.
    """
    return envelope(data, meta=FreshMeta(freshness=FreshnessRead.of(freshness)))


def write_rows(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return rows as JSON.

    :param rows: Values as the API writes them.
    """
    return _ENCODER.encode(rows)


def file_response(
    reader: Reader, question: Question, row_format: RowFormat, kept: ExitStack
) -> Response:
    """Return the answer that is a file of all rows.

    :param reader: An open build.
    :param question: What is asked.
    :param row_format: CSV or Parquet.
    :param kept: Holds the build open; closed when the file was sent.
    """
    if row_format is RowFormat.CSV:
        chunks: Iterable[bytes] = csv_chunks(reader, question)
        media_type = CSV
    else:
        folder = Path(kept.enter_context(TemporaryDirectory(prefix="payymo-rows-")))
        write_parquet(reader, question, folder / "rows.parquet")
        chunks = _read(folder / "rows.parquet")
        media_type = PARQUET
    freshness = reader.catalogue.freshness
    headers = {
        "Content-Disposition": f'attachment; filename="{question.dataset.name}.{row_format.value}"',
        "Last-Modified": format_datetime(freshness.as_of, usegmt=True),
        "Payymo-Build": freshness.build_id,
        "Payymo-Stale": "true" if freshness.is_stale else "false",
    }
    return StreamingResponse(_closing(kept, chunks), headers=headers, media_type=media_type)


def _closing(kept: ExitStack, chunks: Iterable[bytes]) -> Iterator[bytes]:
    with kept:
        yield from chunks


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_FILE_CHUNK_BYTES):
            yield chunk
