"""The request for a canary, as the payload of a deployment on GitHub.

Everyone with write access can create one. A request only says what to look for; the attestations
decide.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from sluice.errors import SluiceError
from sluice.github.api.deployments import Deployment


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version, the sha256 of its delivery.json, and the run that attested the request."""

    version: str
    digest: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    run: int


def asked(deployment: Deployment) -> Asked:
    """What a deployment requests. Raises SluiceError if it is not a request for a canary."""
    try:
        return msgspec.convert(deployment.payload, Asked)
    except msgspec.ValidationError as error:
        raise SluiceError(
            f"deployment {deployment.id} does not request a canary of a version: {error}"
        ) from None
