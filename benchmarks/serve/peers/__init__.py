"""One file a server: how it is set up, started and spoken to."""
