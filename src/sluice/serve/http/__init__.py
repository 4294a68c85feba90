"""Real-time scoring over HTTP."""
