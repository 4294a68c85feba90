"""The interface of a rollout to what divides the requests: a proxy or a cluster."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from sluice.errors import SluiceError
from sluice.rollout.counts import Arm
from sluice.rollout.weights import Weights

# A proxy on a very busy machine was seen to need more than 20 s; one that hangs is started again
# within this time.
_CONFIRM_SECONDS, _PAUSE = 90.0, 0.05


class Traffic(Protocol):
    """Divides production requests among stable, baseline and canary.

    Every method raises SluiceError, with one line, if the proxy or the cluster does not answer.
    """

    def set_weights(self, weights: Weights) -> None:
        """Request these weights. The weights are in effect once `applied` returns true."""

    def applied(self, weights: Weights) -> bool:
        """Whether these weights are in effect, according to the proxy."""

    def counts(self) -> Mapping[str, Arm]:
        """The counts of each arm since its servers started, by `weights.ARMS`.

        Totals only grow; one that is smaller than before belongs to a restarted server. An arm
        without a server is missing.
        """


class Switch(Protocol):
    """Makes the servers of stable run the candidate, after the canary was promoted."""

    def promote(self) -> None:
        """Replace the servers of stable without losing a request.

        The function returns once the new servers have all requests and the old ones have ended.
        After a kill it is called again, and continues where it stopped. Raises SluiceError.
        """


def confirm(traffic: Traffic, weights: Weights) -> None:
    """Wait until the weights hold; raises SluiceError if they do not within 90 s."""
    end, problem = time.monotonic() + _CONFIRM_SECONDS, "it still has other weights"
    while time.monotonic() < end:
        try:
            if traffic.applied(weights):
                return
        except SluiceError as error:
            problem = str(error)
        time.sleep(_PAUSE)
    raise SluiceError(f"the proxy did not confirm the weights {weights}: {problem}")
