"""Follows a repository's releases, so that GitHub holds no key of this machine.

The newest full release is asked for again and again. It is downloaded and verified with its
attestations by `sluice champion fetch`, and then rolled out like any package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sluice.champion import current, fetch, folder
from sluice.delivery import record as delivery
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.releases import Releases
from sluice.rollout import state
from sluice.rollout.machine import deploy, record
from sluice.rollout.machine.control import Control
from sluice.rollout.state import State

_FETCHED = "fetched"
_WATCH_SECONDS = 2.0


@dataclass(frozen=True)
class Follow:
    """What to follow, and where to.

    repository: OWNER/NAME. folder: of production on this machine. port, token: of the callers.
    interval: seconds between two questions. say: shows one line. show: shows each state of a
    rollout.
    """

    repository: str
    folder: Path
    port: int
    token: str
    interval: float
    say: Callable[[str], None]
    show: Callable[[State], None]

    def run(self) -> None:
        """Follow until the process is ended; what cannot be reached is tried again later.

        In between, the proxy and the champion are started again if they have died.
        """
        while True:
            self._restore()
            self.once()
            end = time.monotonic() + self.interval
            while (left := end - time.monotonic()) > 0:
                time.sleep(min(left, _WATCH_SECONDS))
                self._restore()

    def once(self) -> None:
        """Ask once, and roll out what is new; a problem is said and leaves everything as it is."""
        try:
            if self._fetched_is_due() or self._fetch():
                package = self.folder / _FETCHED / folder.PACKAGE
                deploy.deploy(self.folder, package, self.port, self.token, self.show)
        except SluiceError as error:
            self.say(str(error))

    def _restore(self) -> None:
        """After a crash or a reboot the champion serves again, before anybody asks GitHub."""
        try:
            found = record.read(self.folder)
            if found is None or not found.servers:
                return
            with state.locked(self.folder) as mine:
                if mine:  # another command that is at work cares for them itself
                    Control(self.folder).restore()
        except SluiceError as error:
            self.say(str(error))

    def _fetched_is_due(self) -> bool:
        """Whether a rollout of what was fetched is under way."""
        known = state.read(self.folder)
        return known is not None and not known.over

    def _fetch(self) -> bool:
        """Whether there is a release that was not rolled out yet; it is fetched then."""
        with Releases(access.find(self.repository)) as releases:
            release = current.release(releases)
        if release is None or release.tag_name in self._known():
            return False
        self.say(f"new release: {release.tag_name}")
        fetch.run(self.repository, self.folder / _FETCHED, self.say)
        return True

    def _known(self) -> set[str]:
        """The tags of what serves, and of the last candidate, even if it was rolled back."""
        known, found = state.read(self.folder), record.read(self.folder)
        versions = {server.version for server in found.servers.values()} if found else set()
        if known is not None:
            versions.add(known.candidate)
        return {delivery.tag_of(version) for version in versions}
