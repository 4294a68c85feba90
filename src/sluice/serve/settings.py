"""All settings of the server with their defaults. The options of `sluice serve` come from here."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

KIB, MIB = 2**10, 2**20


def setting(default: Any, meaning: str, kind: Callable[[str], Any] | None = None) -> Any:
    """A field of the settings. `kind` reads its value from the command line."""
    return field(default=default, metadata={"help": meaning, "kind": kind or type(default)})


def at_least(low: float, kind: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a reader of numbers that raises ValueError for those below `low`."""

    def number(text: str) -> Any:
        value = kind(text)
        if not value >= low:
            raise ValueError
        return value

    number.__name__ = f"{kind.__name__} of at least {low:g}"
    return number


def web_origin(text: str) -> str:
    """Read the origin of web pages as browsers send it: scheme, host and port, in lower case."""
    parts = urlsplit(text.lower())
    default = {"http": 80, "https": 443}.get(parts.scheme)
    rest = (parts.username, parts.path.strip("/"), parts.query, parts.fragment)
    if default is None or not parts.hostname or any(rest) or "*" in parts.netloc:
        raise ArgumentTypeError(f"expected an address such as https://example.org, not {text!r}")
    shown = f":{parts.port}" if parts.port not in (None, default) else ""
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}{shown}"


WHOLE, COUNT = at_least(0, int), at_least(1, int)
SECONDS = at_least(0.001, float)


@dataclass(frozen=True)
class ServerSettings:
    """The settings of `sluice serve`. Sizes are in bytes, times in seconds."""

    host: str = setting(
        "127.0.0.1", "address to listen on; any but loopback needs a token or --anonymous"
    )
    port: int = setting(8080, "port to listen on; 0 chooses a free one", WHOLE)
    workers: int = setting(1, "number of worker processes", COUNT)
    token_file: str | None = setting(
        None, "file with the bearer token that clients must send (or set SLUICE_TOKEN)", str
    )
    anonymous: bool = setting(False, "accept requests without a token, even from other machines")
    origin: tuple[str, ...] = setting(
        (),
        "address under which browsers reach the server behind a proxy, such as "
        "https://example.org; can be given several times",
        web_origin,
    )

    max_body: int = setting(8 * MIB, "largest size of a request's body in bytes", COUNT)
    max_headers: int = setting(
        32 * KIB, "largest size of a request's headers in bytes, with the request line", COUNT
    )
    max_rows: int = setting(10_000, "largest number of rows in one request", COUNT)
    max_nesting: int = setting(16, "deepest nesting of the JSON in a request", COUNT)
    max_connections: int = setting(1_000, "largest number of open connections per worker", COUNT)
    max_queue: int = setting(
        256, "largest number of requests that wait in a worker; further ones get status 503", COUNT
    )
    header_seconds: float = setting(
        10.0, "seconds within which a request's headers must arrive", SECONDS
    )
    body_seconds: float = setting(
        30.0, "seconds within which a request's body must arrive", SECONDS
    )
    idle_seconds: float = setting(75.0, "seconds after which an idle connection is closed", SECONDS)
    lame_duck_seconds: float = setting(
        0.0,
        "seconds after SIGTERM in which the server reports that it is not ready but still answers "
        "all requests, so that a proxy can remove it; another signal skips this phase",
        at_least(0, float),
    )
    drain_seconds: float = setting(
        5.0, "seconds for which a stopping server still answers on open connections", SECONDS
    )

    log: str = setting("scoring-log", "folder of the scoring log")
    no_log: bool = setting(False, "do not write a scoring log")
    log_features: str = setting(
        "all",
        "input columns to log: all, none, or names separated by commas; "
        "sensitive columns are never logged",
    )
    log_segment: int = setting(
        64 * MIB, "size in bytes at which a segment of the log is converted to Parquet", COUNT
    )
    log_age: float = setting(
        900.0, "age in seconds at which a segment of the log is converted to Parquet", SECONDS
    )
    log_sync: float = setting(
        1.0,
        "seconds between flushes of the log to disk; a power failure loses at most this much; 0 "
        "flushes before each response",
        at_least(0, float),
    )
    log_reserve: int = setting(
        64 * MIB, "the server is not ready while the log's disk has fewer free bytes", WHOLE
    )


def add_arguments(parser: ArgumentParser) -> None:
    """Add one option for each setting, with its default in the help text."""
    for option in fields(ServerSettings):
        flag = "--" + option.name.replace("_", "-")
        meaning = option.metadata["help"]
        if option.default is False:
            parser.add_argument(flag, action="store_true", help=meaning)
            continue
        if option.default == ():
            kind = option.metadata["kind"]
            parser.add_argument(
                flag, action="append", type=kind, default=[], metavar="URL", help=meaning
            )
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
    """The settings from the options of the command line."""
    given = {option.name: getattr(options, option.name) for option in fields(ServerSettings)}
    return ServerSettings(**given | {"origin": tuple(options.origin)})
