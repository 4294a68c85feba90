"""How the requests of production are divided among the arms of a rollout."""

from __future__ import annotations

import msgspec

from sluice.errors import SluiceError

STABLE, BASELINE, CANARY = "stable", "baseline", "canary"
ARMS = (STABLE, BASELINE, CANARY)


class Weights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Integer percentages of the requests, which add up to 100.

    stable: the champion's own servers. baseline: a fresh server of the champion. canary: the
    candidate. Baseline and canary get the same share so that they can be compared; only at the end
    of a switch may the canary have all requests while the servers of stable are replaced. Raises
    SluiceError for any other weights.
    """

    stable: int
    baseline: int = 0
    canary: int = 0

    def __post_init__(self) -> None:
        given = (self.stable, self.baseline, self.canary)
        if any(each < 0 for each in given) or sum(given) != 100:
            raise SluiceError(f"weights {self}: expected percentages that add up to 100")
        if self.canary not in (self.baseline, 100):
            raise SluiceError(f"weights {self}: baseline and canary must get the same share")

    @classmethod
    def at(cls, share: int) -> Weights:
        """The weights with `share` percent each for the canary and its baseline."""
        return cls(100 - 2 * share, share, share)

    def __str__(self) -> str:
        return f"stable {self.stable} %, baseline {self.baseline} %, canary {self.canary} %"


ALL_STABLE = Weights(100)
