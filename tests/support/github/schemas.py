"""The documented request bodies for deployments, and the types for such descriptions."""

from __future__ import annotations

from typing import Any

BOOL = {"type": "boolean"}
TEXT = {"type": "string", "minLength": 1}


def record(required: list[str], **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


DEPLOYMENT_BODY = record(
    ["ref"],
    ref=TEXT,
    task=TEXT,
    auto_merge=BOOL,
    required_contexts={"type": "array", "items": TEXT},
    payload={"type": ["object", "string"]},
    environment=TEXT,
    description={"type": ["string", "null"], "maxLength": 140},
    transient_environment=BOOL,
    production_environment=BOOL,
)
STATUS_BODY = record(
    ["state"],
    state={"enum": ["error", "failure", "inactive", "in_progress", "queued", "pending", "success"]},
    target_url={"type": "string"},
    log_url={"type": "string"},
    description={"type": "string", "maxLength": 140},
    environment=TEXT,
    environment_url={"type": "string"},
    auto_inactive=BOOL,
)
