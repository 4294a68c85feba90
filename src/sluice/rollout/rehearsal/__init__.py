"""A complete rollout on this machine, under generated load, with or without an injected fault."""
