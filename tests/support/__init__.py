"""What the tests share: a small project, stand-ins, and the processes that they run."""
