"""Follows a repository on GitHub, so that GitHub needs no access to this machine.

The process polls GitHub for the newest request for a canary and the newest full release. A new one
is downloaded, verified with its attestations, and rolled out like any package.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sluice import files
from sluice.champion import fetch, folder
from sluice.delivery import record as delivery
from sluice.errors import SluiceError
from sluice.github.api import access
from sluice.github.api.access import Access
from sluice.github.api.deployments import Deployment, Deployments
from sluice.github.api.releases import Releases
from sluice.rollout import state
from sluice.rollout.machine import deploy, record, request, watch
from sluice.rollout.machine.control import Control
from sluice.rollout.machine.wanted import Source
from sluice.rollout.machine.watch import Watch
from sluice.rollout.state import State
from sluice.rollout.weights import STABLE

# The folders of the champion and of the requested canary.
_FETCHED, _ASKED = "fetched", "asked"
_WATCH_SECONDS = 2.0


@dataclass
class Follow:
    """What to follow, and where to deploy it.

    repository: OWNER/NAME. folder: where production on this machine keeps its state. port, token:
    what callers use. interval: seconds between two polls. say: shows one line. show: shows each
    state of a rollout.
    """

    repository: str
    folder: Path
    port: int
    token: str
    interval: float
    say: Callable[[str], None]
    show: Callable[[State], None]
    _said: str = field(default="", init=False)

    def run(self) -> None:
        """Follow until the process is stopped; failed connections are retried later.

        The proxy and the champion are restarted if they have died.
        """
        self._restore()
        found = access.find(self.repository)
        with Releases(found) as releases, Deployments(found) as deployments:
            source = Source(releases, deployments)
            while True:
                self.once(source)
                end = time.monotonic() + self.interval
                while (left := end - time.monotonic()) > 0:
                    self._restore()
                    time.sleep(min(left, _WATCH_SECONDS))

    def once(self, source: Source) -> None:
        """Poll once, and act on what is new; a problem is reported and changes nothing."""
        found = source.releases.access
        try:
            known = deploy.state_of(self.folder)
            if known is not None and not known.over:
                self._roll_out(found, known.candidate)
            elif self._serves() is None:
                self._first(source)
            else:
                self._next(source)
            self._tell(found)
            self._said = ""
        except SluiceError as error:
            self._complain(error)

    def _first(self, source: Source) -> None:
        """Start production with the champion."""
        if source.champion() is not None:
            package = self._fetched()
            deploy.deploy(self.folder, package, self.port, self.token, self.show)

    def _next(self, source: Source) -> None:
        champion, serves = source.champion(), str(self._serves())
        if champion is None or champion.tag_name == delivery.tag_of(serves):
            if champion is not None and (asked := self._asked(source)):
                self._try(source, asked, serves)
        elif source.revoked(serves):
            why = f"GitHub has rolled {serves} back to {champion.tag_name}"
            self.say(why)
            deploy.switch(self.folder, self._fetched(), why, self.show)
        elif champion.tag_name not in self._known():
            self.say(f"new release: {champion.tag_name}")
            self._fetched()
            self._roll_out(source.releases.access, champion.tag_name.removeprefix("v"))

    def _fetched(self) -> Path:
        """Download and verify the champion; returns its package."""
        fetch.run(self.repository, self.folder / _FETCHED, self.say)
        return self.folder / _FETCHED / folder.PACKAGE

    def _asked(self, source: Source) -> Deployment | None:
        """The newest request for a canary, unless it was already tried."""
        newest, last = source.newest(), request.read(self.folder)
        if newest is None or last is None or newest.id > last.deployment:
            return newest
        known = state.read(self.folder)
        # If this machine was killed between the two records, the canary was not tried.
        begun = known is not None and known.candidate == last.version
        return None if begun or newest.id < last.deployment else newest

    def _try(self, source: Source, deployment: Deployment, serves: str) -> None:
        fetched, last = self.folder / _ASKED, request.read(self.folder)
        files.clear_folder(fetched, delivery.NAME)
        asked, package = source.fetch_asked(deployment, serves, fetched)
        if last and asked.run <= last.run and asked.deployment != last.deployment:
            raise SluiceError(
                f"deployment {deployment.id}: the approval of {asked.version} in run {asked.run} "
                "is valid only once; it is not tried again"
            )
        package.rename(fetched / folder.PACKAGE)
        self.say(f"canary requested by GitHub: {asked.version}")
        request.write(self.folder, asked)
        self._roll_out(source.releases.access, asked.version)

    def _roll_out(self, found: Access, version: str) -> None:
        """Start or continue the rollout of the fetched package."""
        asked = request.read(self.folder)
        wait = asked is not None and asked.version == version
        package = self.folder / (_ASKED if wait else _FETCHED) / folder.PACKAGE
        try:
            with Watch(found, self.folder, version, self.interval, self.say):
                deploy.deploy(self.folder, package, self.port, self.token, self.show, wait=wait)
        finally:
            (self.folder / state.ABORT).unlink(missing_ok=True)

    def _tell(self, found: Access) -> None:
        """Report to GitHub what could not be reported while the canary ran."""
        if known := state.read(self.folder):
            watch.report(found, self.folder, known)

    def _complain(self, error: SluiceError) -> None:
        """Print a message once, not every minute."""
        if str(error) != self._said:
            self._said = str(error)
            self.say(self._said)

    def _restore(self) -> None:
        """After a crash or reboot, start the champion again before polling GitHub."""
        try:
            found = record.read(self.folder)
            if found is None or not found.servers:
                return
            with state.locked(self.folder) as mine:
                if mine:  # another running command takes care of them
                    Control(self.folder).restore()
        except SluiceError as error:
            self._complain(error)

    def _serves(self) -> str | None:
        """The version that has the requests; None while nothing runs here."""
        found = record.read(self.folder)
        if found is None or STABLE not in found.servers:
            return None
        return deploy.serves(Control(self.folder))

    def _known(self) -> set[str]:
        """The tags of both sides of the last rollout, even if it was rolled back."""
        known = state.read(self.folder)
        return (
            {delivery.tag_of(one) for one in (known.champion, known.candidate)} if known else set()
        )
