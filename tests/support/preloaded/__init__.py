"""Commands in new processes that need not import the libraries first.

A whole run of the pipeline starts fourteen processes, and each of them spends seconds of CPU time
on imports alone. Here one process, the server, imports the libraries once for a whole run of the
tests; every command is then a fork of it: a process of its own, with its own folder, environment,
output and exit status.

What is under test stays the same: the command line, DVC, and a process for each stage. A test that
needs an interpreter of its own for a command uses `Toy.start`. A command also gets one if its
environment has a variable that an interpreter or a library reads at its start
(`needs_an_interpreter`). The jobs of workflows find a small program named `sluice` that asks for
such a fork, in which the code of their own clone runs.
"""

from support.preloaded.client import Done, needs_an_interpreter, run, server, share, start_task

__all__ = ["Done", "needs_an_interpreter", "run", "server", "share", "start_task"]
