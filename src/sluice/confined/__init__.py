"""Run the code of the use case in a process that can read and write only what it is given."""
