"""The page at `/docs`, which shows `/openapi.json` and can send requests.

The page loads nothing from other servers, so it also works without internet access.
"""

from __future__ import annotations

import base64
import hashlib
import re
from importlib import resources

PAGE = (resources.files(__package__) / "docs.html").read_bytes()


def _hash(tag: bytes) -> str:
    found = re.search(b"<" + tag + b">(.*?)</" + tag + b">", PAGE, re.DOTALL)
    return base64.b64encode(hashlib.sha256(found[1] if found else b"").digest()).decode()


# The content security policy: the browser runs only the page's own script and style.
POLICY = (
    "default-src 'none'; connect-src 'self'; img-src data:; "
    f"script-src 'sha256-{_hash(b'script')}'; style-src 'sha256-{_hash(b'style')}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
).encode()
