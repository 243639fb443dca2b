"""The OpenAPI document of `POST /score`: a pipeline's event goes in, a reply comes out."""

from typing import Any

from pydantic.json_schema import models_json_schema

from schemas.reply import Reply
from streams.pipeline import Pipeline

VERSION = "3.1.0"
REFUSALS = {
    "409": "the event would not be scored: it was before, or it is late and late events are skipped",
    "413": "the body is longer than 1 MiB",
    "415": "the body is not JSON",
    "422": "the event is not valid; `detail` names the fields",
    "429": "too many ask: again after Retry-After seconds",
    "503": "the partition of the event's key is not ready, as while it moves: again after Retry-After seconds",
}


def document(pipeline: Pipeline) -> dict[str, Any]:
    """The document for this pipeline's event class."""
    models, described = models_json_schema(
        [(pipeline.event, "validation"), (Reply, "serialization")], ref_template="#/components/schemas/{model}"
    )
    event, reply = models[pipeline.event, "validation"], models[Reply, "serialization"]
    request_id = {
        "name": "X-Request-ID",
        "in": "header",
        "schema": {"type": "string"},
        "description": "comes back as request_id; without it the event's id does",
    }
    score = {
        "operationId": "score",
        "summary": "What an event would be scored with if it came next. Nothing is kept of it.",
        "parameters": [request_id],
        "requestBody": {"required": True, "content": {"application/json": {"schema": event}}},
        "responses": {
            "200": {"description": "the reply", "content": {"application/json": {"schema": reply}}},
            **{status: _refusal(status, meaning) for status, meaning in REFUSALS.items()},
        },
    }
    return {
        "openapi": VERSION,
        "info": {"title": pipeline.name, "version": f"{pipeline.version}-{pipeline.digest}"},
        "paths": {"/score": {"post": score}},
        "components": {"schemas": {**described.get("$defs", {}), **_DETAILS}},
    }


def _refusal(status: str, meaning: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{'InvalidFields' if status == '422' else 'Refusal'}"}
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


_DETAILS: dict[str, Any] = {
    "Refusal": {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]},
    "InvalidFields": {
        "type": "object",
        "properties": {"detail": {"type": "array", "items": {"$ref": "#/components/schemas/InvalidField"}}},
        "required": ["detail"],
    },
    "InvalidField": {
        "type": "object",
        "properties": {
            "loc": {"type": "array", "items": {"type": ["string", "integer"]}},
            "msg": {"type": "string"},
            "type": {"type": "string"},
        },
        "required": ["loc", "msg", "type"],
    },
}
