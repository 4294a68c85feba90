"""What the tests share: a small project, stand-ins, and the processes that they run."""

import os

from sluice.cli import _ONE_THREAD

# A command computes with one thread, and so does a test which computes in its own process: two
# workers with two threads each would wait for each other on two cores. This is imported first,
# because libraries read these variables once.
os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
