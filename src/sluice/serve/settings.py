"""Every setting of the server, with its default; the command line is made from this."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

KIB, MIB = 2**10, 2**20


def setting(default: Any, meaning: str, kind: Callable[[str], Any] | None = None) -> Any:
    return field(default=default, metadata={"help": meaning, "kind": kind or type(default)})


def at_least(low: float, kind: Callable[[str], Any]) -> Callable[[str], Any]:
    def number(text: str) -> Any:
        value = kind(text)
        if not value >= low:
            raise ValueError
        return value

    number.__name__ = f"{kind.__name__} of at least {low:g}"
    return number


WHOLE, COUNT = at_least(0, int), at_least(1, int)
SECONDS = at_least(0.001, float)


@dataclass(frozen=True)
class ServerSettings:
    """Sizes are in bytes, times in seconds."""

    host: str = setting("127.0.0.1", "address to listen on; not loopback: needs a token")
    port: int = setting(8080, "port; 0 takes a free one", WHOLE)
    workers: int = setting(1, "processes that score", COUNT)
    token_file: str | None = setting(None, "file with the bearer token (or SLUICE_TOKEN)", str)
    anonymous: bool = setting(False, "anyone who reaches the port may score")

    max_body: int = setting(8 * MIB, "largest request body", COUNT)
    max_headers: int = setting(32 * KIB, "largest request line and headers", COUNT)
    max_rows: int = setting(10_000, "most rows in one request", COUNT)
    max_nesting: int = setting(16, "deepest nesting of a request's JSON", COUNT)
    max_connections: int = setting(1_000, "most open connections of a worker", COUNT)
    max_queue: int = setting(256, "most requests that wait in a worker; more get 503", COUNT)
    header_seconds: float = setting(10.0, "a request's headers must have arrived by then", SECONDS)
    body_seconds: float = setting(30.0, "a request's body must have arrived by then", SECONDS)
    idle_seconds: float = setting(75.0, "an idle connection is closed after this", SECONDS)
    drain_seconds: float = setting(
        5.0, "how long a stopping server answers on open connections", SECONDS
    )

    log: str = setting("scoring-log", "folder of the scoring log")
    no_log: bool = setting(False, "score without a log")
    log_features: str = setting(
        "all", "columns in the log: all, none, or names with commas; never sensitive ones"
    )
    log_segment: int = setting(64 * MIB, "a segment becomes Parquet at this size", COUNT)
    log_age: float = setting(900.0, "a segment becomes Parquet at this age", SECONDS)
    log_sync: float = setting(
        1.0,
        "at most this much is lost in a power cut; 0: on disk before each answer",
        at_least(0, float),
    )
    log_reserve: int = setting(64 * MIB, "not ready when the log's disk has less than this", WHOLE)


def add_arguments(parser: ArgumentParser) -> None:
    for option in fields(ServerSettings):
        flag = "--" + option.name.replace("_", "-")
        meaning = option.metadata["help"]
        if option.default is False:
            parser.add_argument(flag, action="store_true", help=meaning)
            continue
        shown = "" if option.default is None else f" (default: {option.default})"
        parser.add_argument(
            flag,
            type=option.metadata["kind"],
            default=option.default,
            metavar="VALUE",
            help=meaning + shown,
        )


def from_arguments(options: Namespace) -> ServerSettings:
    return ServerSettings(
        **{option.name: getattr(options, option.name) for option in fields(ServerSettings)}
    )
