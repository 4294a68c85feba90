"""Send requests to GitHub's REST API; every failure becomes a SluiceError of one line."""

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
    raise SluiceError(f"{error}: run 'make commands', or pip install '.[github]'") from None

T = TypeVar("T")

_SECONDS = 20.0
_NOT_MODIFIED = 304
PAGE = 100
_MOST_PAGES = 100
_PLAN_WORDS = ("billing plan", "upgrade to", "current plan", "github pro", "github team")


class NoAnswerError(SluiceError):
    """There was no answer, so GitHub may or may not have carried out the request."""


class RefusedError(SluiceError):
    """GitHub answered with an error status.

    of_plan: the owner's billing plan lacks the feature. permanent: the same request would be
    refused again, but other requests may succeed.
    """

    def __init__(self, status: int, said: str, *, busy: bool = False) -> None:
        super().__init__(f"GitHub answered {status}: {said}")
        self.status = status
        self.of_plan = status in (402, 403, 422) and any(w in said.lower() for w in _PLAN_WORDS)
        self.permanent = self.of_plan or (status in (403, 404, 409, 422) and not busy)


class Connection:
    """A connection to one repository, to be used in a `with` block.

    The methods take a function that makes a request with `rest`. The methods raise RefusedError if
    GitHub refuses the request, NoAnswerError if GitHub does not answer, and SluiceError for any
    other failure.
    """

    def __init__(self, access: Access) -> None:
        self.access = access
        self.place = (access.owner, access.name)
        # Following a redirect would turn a POST into a GET, which changes nothing and succeeds.
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
        # GitHub's last answer to each named request: its entity tag and content.
        self._last: dict[str, tuple[str, bytes]] = {}

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
        """True if GitHub answers with success, False if it answers 404."""
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
        """All items of a list that GitHub returns in pages.

        kind: the type of one page. request: requests the page with a number, which starts at 1.
        items: returns the items of a page.
        """
        found: list[Any] = []
        before = b""
        for page in range(1, _MOST_PAGES + 1):
            response = self.ask(lambda page=page: request(page))  # type: ignore[misc]
            some = items(self._typed(kind, response))
            # Some servers always claim that there is a next page.
            if not some or response.content == before:
                return found
            before = response.content
            found += some
            if len(some) < PAGE and 'rel="next"' not in response.headers.get("link", ""):
                return found
        raise SluiceError(
            f"GitHub's list at {response.url.path} has more than {_MOST_PAGES} pages, which is "
            "more than sluice reads"
        )

    def read(self, kind: type[T], request: Callable[[], Response[Any, Any]]) -> T:
        """GitHub's answer as a record of the type `kind`."""
        return self._typed(kind, self.ask(request))

    def read_or_none(self, kind: type[T], request: Callable[[], Response[Any, Any]]) -> T | None:
        """Like `read`, but None if GitHub answers 404."""
        try:
            return self.read(kind, request)
        except RefusedError as refused:
            if refused.status == 404:
                return None
            raise

    def read_again(
        self, name: str, kind: type[T], request: Callable[[dict[str, str]], Response[Any, Any]]
    ) -> T:
        """Like `read`, for repeated requests: GitHub sends the content only if it has changed.

        name: identifies the request. request: sends it with the given headers. An answer that has
        not changed does not count towards GitHub's rate limit.
        """
        tag, content = self._last.get(name, ("", b""))
        headers = {"If-None-Match": tag} if tag else {}
        response = self._answer(lambda: request(headers))
        if not (tag and response.status_code == _NOT_MODIFIED):
            if not response.is_success:
                raise self._refusal(response)
            content = response.content
            self._last[name] = (response.headers.get("etag", ""), content)
        return self._decoded(kind, content, response.url.path)

    def _typed(self, kind: type[T], response: Response[Any, Any]) -> T:
        return self._decoded(kind, response.content, response.url.path)

    def _decoded(self, kind: type[T], content: bytes, path: str) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise SluiceError(
                f"GitHub's answer to {path} does not have the documented form: {error}"
            ) from None

    def location(self, request: Callable[[], Response[Any, Any]]) -> str:
        """The address to which GitHub redirects the request, for a download."""
        response = self._answer(request)
        where = response.headers.get("location")
        if response.is_redirect and where:
            return str(where)
        if response.is_success:
            raise SluiceError(f"GitHub's answer to {response.url.path} has no download address")
        raise self._refusal(response)

    def ask(self, request: Callable[[], Response[Any, Any]]) -> Response[Any, Any]:
        """Return GitHub's answer to a successful request."""
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
            raise NoAnswerError(
                f"{self.access.url} did not answer within {_SECONDS:g} s: try again later"
            ) from None
        except RequestError as error:
            said = self._safe(f"no answer from {self.access.url}: {error.exc}")
            raise NoAnswerError(said) from None
        except (GitHubException, ValueError, TypeError) as error:
            raise SluiceError(self._safe(str(error))) from None

    def _refusal(self, response: Response[Any, Any]) -> RefusedError:
        """The refusal with GitHub's own message, and advice on what to do about the status."""
        said = self._said(response)
        busy = _busy(response, said)
        status = response.status_code
        return RefusedError(status, said + _advice(status, busy=busy), busy=busy)

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
    """The body of a request, typed as Any because githubkit expects types of its own."""
    return body


def quoted(name: str) -> str:
    """A name as one part of a URL's path."""
    return quote(name, safe="")


def _errors(errors: Any) -> str:
    return "; ".join(
        str(one.get("message") or " ".join(map(str, one.values())))
        if isinstance(one, dict)
        else str(one)
        for one in (errors if isinstance(errors, list) else [errors])
    )


def _busy(response: Response[Any, Any], said: str) -> bool:
    """Whether a rate limit was exceeded; GitHub reports some of these as a plain 403."""
    headers = response.headers
    if response.status_code == 403 and ("retry-after" in headers or "rate limit" in said.lower()):
        return True
    return response.status_code == 429 or headers.get("x-ratelimit-remaining") == "0"


def _advice(status: int, *, busy: bool) -> str:
    if status == 401:
        return "; the token is not valid or has expired: set another one in GITHUB_TOKEN"
    if busy:
        return "; too many requests: try again later"
    if status in (403, 404):
        return "; the name may be wrong, or the token may lack a permission that this needs"
    if status in (301, 302, 307, 308):
        return "; the repository may have been renamed: give its new name"
    return ""
