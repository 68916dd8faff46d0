"""Queries that one model reads at once.

FastAPI looks at each parameter by itself and anew for each request: for a list with many filters
that takes longer than the rows.
"""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError


def read_query[Query: BaseModel](
    model: type[Query],
) -> Callable[[Request], Coroutine[Any, Any, Query]]:
    """Return a dependency that reads the query of a request.

    :param model: What the query holds; its route documents it by :func:`query_parameters`.
    """

    async def read(request: Request) -> Query:
        try:
            return model.model_validate(dict(request.query_params))
        except ValidationError as error:
            faults = [
                {**fault, "loc": ("query", *fault["loc"])}
                for fault in error.errors(include_url=False)
            ]
            raise RequestValidationError(faults) from error

    return read


def query_parameters(model: type[BaseModel]) -> dict[str, Any]:
    """Return the ``openapi_extra`` of a route whose query a model reads.

    :param model: The model, all of whose fields have defaults.
    """
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    parameters = []
    for name, field in schema["properties"].items():
        whole = _inline(field, definitions)
        parameter = {"name": name, "in": "query", "required": False, "schema": whole}
        if "description" in whole:
            parameter["description"] = whole["description"]
        parameters.append(parameter)
    return {"parameters": parameters}


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema in which every reference is what it refers to."""
    if isinstance(schema, list):
        return [_inline(part, definitions) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    return {name: _inline(part, definitions) for name, part in schema.items()}
