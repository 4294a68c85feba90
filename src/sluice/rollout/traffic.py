"""What a rollout needs of whatever stands in front of the servers: a proxy or a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from sluice.rollout.counts import Arm
from sluice.rollout.weights import Weights


class Traffic(Protocol):
    """Divides the requests of production among stable, baseline and canary.

    Every method raises SluiceError, with one line, if the proxy or the cluster does not answer.
    """

    def set_weights(self, weights: Weights) -> None:
        """Ask for these weights. They hold once `applied` says so, and not before."""

    def applied(self, weights: Weights) -> bool:
        """Whether the requests are divided by these weights now, by the proxy's own word."""

    def counts(self) -> Mapping[str, Arm]:
        """What each arm counted since its servers started, by `weights.ARMS`.

        The totals only grow. One that is smaller than before belongs to a server that was
        started anew; an arm without a server is missing.
        """


class Switch(Protocol):
    """Makes the servers of stable run the candidate, after the canary was promoted."""

    def promote(self) -> None:
        """Replace the servers of stable without losing a request.

        It returns once the new servers have all requests and the old ones have ended. After a
        kill it is called again, and continues wherever it was. Raises SluiceError.
        """
