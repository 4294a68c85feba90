"""Logs of invented rows, written in the format of the server."""

from support.monitor.logs import DAY, END, Logged, put_file, put_log

__all__ = ["DAY", "END", "Logged", "put_file", "put_log"]
