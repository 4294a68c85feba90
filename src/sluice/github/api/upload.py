"""Upload a file to a release. The token is sent to GitHub only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from sluice import files
from sluice.errors import SluiceError
from sluice.github.api.access import Access
from sluice.github.api.responses import Asset

_SECONDS = 300.0
_PIECE = 2**20


def put(access: Access, upload_url: str, path: Path) -> None:
    """Upload a file to the address that GitHub gave for a release.

    Raises SluiceError if the address is not GitHub's, or unless GitHub has stored every byte.
    """
    import httpx

    url = upload_url.partition("{")[0]
    _require_github(access, url)
    size = path.stat().st_size
    headers = {
        "Authorization": f"Bearer {access.token}",
        "Content-Type": "application/octet-stream",
        "Content-Length": str(size),
    }
    try:
        answer = httpx.post(
            url,
            params={"name": path.name},
            content=_pieces(path),
            headers=headers,
            timeout=_SECONDS,
            follow_redirects=False,
        )
    except httpx.HTTPError as error:
        raise SluiceError(f"{path.name}: the upload failed: {type(error).__name__}") from None
    if answer.status_code != 201:
        said = access.printable(answer.text[:200])
        raise SluiceError(
            f"{path.name}: GitHub answered the upload with {answer.status_code}: {said}"
        )
    _require_whole(path, answer.content)


def _require_whole(path: Path, said: bytes) -> None:
    try:
        kept = msgspec.json.decode(said, type=Asset)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SluiceError(
            f"{path.name}: GitHub's answer to the upload does not have the documented form: {error}"
        ) from None
    digest = f"sha256:{files.sha256_of_file(path)}"
    same = kept.size == path.stat().st_size and kept.digest in (None, digest)
    if kept.state != "uploaded" or not same:
        raise SluiceError(
            f"{path.name}: GitHub has stored something other than this file ({kept.size:,} bytes, "
            f"{kept.digest or 'no digest'}, state {kept.state!r}): run this again"
        )


def _require_github(access: Access, url: str) -> None:
    api, there = urlsplit(access.url), urlsplit(url)
    same = (there.scheme, there.netloc.lower()) == (api.scheme, api.netloc.lower())
    # GitHub has api.github.com and uploads.github.com, and the same names under ghe.com.
    own = (api.hostname or "").endswith((".github.com", ".ghe.com")) and there.scheme == "https"
    beside = there.netloc.lower() == f"uploads.{api.netloc.lower().removeprefix('api.')}"
    if not same and not (own and beside):
        raise SluiceError(
            f"GitHub gave {there.hostname!r} as the host for uploads, which does not belong to "
            f"{api.hostname}: nothing was uploaded"
        )


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_PIECE):
            yield piece
