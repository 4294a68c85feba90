"""A download from where GitHub points to: without the token, and no more than is allowed."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from sluice.errors import SluiceError

_PAUSE = 20.0
_SECONDS = 120.0


def fetch(url: str, most: int, *, plain: bool) -> bytes:
    """What is at `url`, up to `most` bytes; over http only where `plain` allows it.

    No message has the whole address: whoever knows it may download.
    """
    import httpx

    host = _host(url, plain)
    content, until = bytearray(), time.monotonic() + _SECONDS
    as_it_is = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "GET", url, headers=as_it_is, timeout=_PAUSE, follow_redirects=False
        ) as answer:
            if answer.status_code != 200:
                raise SluiceError(f"the download from {host} answers {answer.status_code}")
            for some in answer.iter_raw():
                content += some
                if len(content) > most:
                    raise SluiceError(f"the download is larger than {most:,} bytes")
                if time.monotonic() > until:
                    raise SluiceError(f"the download takes longer than {_SECONDS:g} s")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SluiceError(f"the download from {host} failed: {type(error).__name__}") from None
    return bytes(content)


def _host(url: str, plain: bool) -> str:
    try:
        parts = urlsplit(url)
        if parts.hostname and parts.scheme in (("https", "http") if plain else ("https",)):
            return parts.hostname
    except ValueError:
        pass
    raise SluiceError("GitHub points to no https address for the download")
