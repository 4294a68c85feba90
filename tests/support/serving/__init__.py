"""Running servers, and requests and files to score."""

import pytest

pytest.register_assert_rewrite("support.serving.bad_requests", "support.serving.server")
