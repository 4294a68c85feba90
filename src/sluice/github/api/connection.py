"""GitHub's REST API, asked with one token: each failure in one line."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import msgspec

from sluice import __version__
from sluice.errors import SluiceError
from sluice.github.api.access import Access

try:
    from githubkit import GitHub, Response, TokenAuthStrategy
    from githubkit.exception import GitHubException, RequestError, RequestFailed, RequestTimeout
except ImportError as error:
    raise SluiceError(f"{error}: pip install '.[github]'") from None

T = TypeVar("T")

_SECONDS = 20.0
PAGE = 100
_MOST_PAGES = 100
_PLAN_WORDS = ("billing plan", "upgrade to", "current plan", "github pro", "github team")


class NoAnswerError(SluiceError):
    """GitHub may or may not have done what was asked for."""


class RefusedError(SluiceError):
    """GitHub answered, and not with what was asked for."""

    def __init__(self, status: int, said: str, *, busy: bool = False) -> None:
        super().__init__(f"GitHub answers {status}: {said}")
        self.status = status
        self.of_plan = status in (402, 403, 422) and any(w in said.lower() for w in _PLAN_WORDS)
        # To ask again would be answered the same, and says nothing of other requests.
        self.for_good = self.of_plan or (status in (403, 404, 409, 422) and not busy)


class Connection:
    def __init__(self, access: Access) -> None:
        self.access = access
        self.place = (access.owner, access.name)
        # A redirect would turn a POST into a GET and call it done.
        self._github = GitHub(
            TokenAuthStrategy(access.token),
            base_url=access.url,
            user_agent=f"sluice/{__version__}",
            timeout=_SECONDS,
            follow_redirects=False,
            http_cache=False,
            auto_retry=False,
        )
        self.rest = self._github.rest

    def __enter__(self) -> Self:
        self._github.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._github.__exit__(kind, error, trace)

    def found(self, request: Callable[[], Response[Any, Any]]) -> bool:
        try:
            self.ask(request)
        except RefusedError as refused:
            if refused.status == 404:
                return False
            raise
        return True

    def pages(
        self,
        kind: type[T],
        request: Callable[[int], Response[Any, Any]],
        items: Callable[[T], list[Any]],
    ) -> list[Any]:
        found: list[Any] = []
        before = b""
        for page in range(1, _MOST_PAGES + 1):
            response = self.ask(lambda page=page: request(page))  # type: ignore[misc]
            some = items(self._typed(kind, response))
            # Some servers name a next page for ever.
            if not some or response.content == before:
                return found
            before = response.content
            found += some
            if len(some) < PAGE and 'rel="next"' not in response.headers.get("link", ""):
                return found
        raise SluiceError(f"GitHub's list at {response.url.path} has no end")

    def read(self, kind: type[T], request: Callable[[], Response[Any, Any]]) -> T:
        return self._typed(kind, self.ask(request))

    def _typed(self, kind: type[T], response: Response[Any, Any]) -> T:
        try:
            return msgspec.json.decode(response.content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SluiceError(
                f"the answer to {response.url.path} is not what GitHub documents: {error}"
            ) from None

    def location(self, request: Callable[[], Response[Any, Any]]) -> str:
        """Where GitHub has put what is asked for."""
        response = self._answer(request)
        where = response.headers.get("location")
        if response.is_redirect and where:
            return str(where)
        if response.is_success:
            raise SluiceError(f"GitHub does not say where {response.url.path} is")
        raise self._refusal(response)

    def ask(self, request: Callable[[], Response[Any, Any]]) -> Response[Any, Any]:
        response = self._answer(request)
        if response.is_success:
            return response
        raise self._refusal(response)

    def _answer(self, request: Callable[[], Response[Any, Any]]) -> Response[Any, Any]:
        try:
            return request()
        except RequestFailed as failed:
            return failed.response
        except RequestTimeout:
            raise NoAnswerError(f"{self.access.url} did not answer in {_SECONDS:g} s") from None
        except RequestError as error:
            said = self._safe(f"no answer from {self.access.url}: {error.exc}")
            raise NoAnswerError(said) from None
        except (GitHubException, ValueError, TypeError) as error:
            raise SluiceError(self._safe(str(error))) from None

    def _refusal(self, response: Response[Any, Any]) -> RefusedError:
        """GitHub's own words, and what they mean for the person who reads them."""
        said = self._said(response)
        busy = _busy(response, said)
        status = response.status_code
        return RefusedError(status, said + _meaning(status, busy=busy), busy=busy)

    def _said(self, response: Response[Any, Any]) -> str:
        try:
            raw = response.json()
            said = str(raw["message"])
            if raw.get("errors"):
                said += f" ({_errors(raw['errors'])})"
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            said = response.reason_phrase or "no reason given"
        return self._safe(said)

    def _safe(self, text: str) -> str:
        return " ".join(self.access.printable(text).split())[:500]


def as_body(body: dict[str, Any]) -> Any:
    # The library's own types are for code that spells its requests out.
    return body


def quoted(name: str) -> str:
    return quote(name, safe="")


def _errors(errors: Any) -> str:
    return "; ".join(
        str(one.get("message") or " ".join(map(str, one.values())))
        if isinstance(one, dict)
        else str(one)
        for one in (errors if isinstance(errors, list) else [errors])
    )


def _busy(response: Response[Any, Any], said: str) -> bool:
    """Whether it is a limit on how often one may ask: some of them come as a plain 403."""
    headers = response.headers
    if response.status_code == 403 and ("retry-after" in headers or "rate limit" in said.lower()):
        return True
    return response.status_code == 429 or headers.get("x-ratelimit-remaining") == "0"


def _meaning(status: int, *, busy: bool) -> str:
    if status == 401:
        return "; the token is not valid, or no longer"
    if busy:
        return "; too many requests for now, try again later"
    if status in (403, 404):
        return " (does the token have the rights of an administrator here?)"
    if status in (301, 302, 307, 308):
        return "; has the repository moved? use its new name"
    return ""
