"""The built-in models; with USECASE_HOLD in the environment, training waits until it is killed."""

import os
import sys
import time
from typing import Any

from sluice.train.models import MODELS, Builder


def _held(builder: Builder) -> Builder:
    def build(*arguments: Any, **parameters: Any) -> Any:
        if "USECASE_HOLD" in os.environ:
            sys.stderr.write("training is held\n")
            time.sleep(600)
        return builder(*arguments, **parameters)

    return build


CANDIDATES: dict[str, Builder] = {name: _held(builder) for name, builder in MODELS.items()}
TRUSTED: tuple[str, ...] = ()
