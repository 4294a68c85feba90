"""Download a file from the address to which GitHub redirects: without the token, up to a limit."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from sluice.errors import SluiceError

_LONGEST_PAUSE = 20.0  # seconds
_SECONDS = 120.0


def fetch(url: str, most: int, *, plain: bool) -> bytes:
    """The content at `url`, of at most `most` bytes. plain: whether http is allowed besides https.

    Raises SluiceError if the download fails or is too large. The message contains only the host,
    because everyone who knows the whole address can download the file.
    """
    import httpx

    host = _host(url, plain)
    content, until = bytearray(), time.monotonic() + _SECONDS
    headers = {"Accept-Encoding": "identity"}
    try:
        with httpx.stream(
            "GET", url, headers=headers, timeout=_LONGEST_PAUSE, follow_redirects=False
        ) as answer:
            if answer.status_code != 200:
                raise SluiceError(f"{host} answered the download with {answer.status_code}")
            for some in answer.iter_raw():
                content += some
                if len(content) > most:
                    raise SluiceError(f"the download is larger than {most:,} bytes")
                if time.monotonic() > until:
                    raise SluiceError(f"the download took longer than {_SECONDS:g} s")
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
    raise SluiceError("GitHub's address for the download does not begin with https://")
