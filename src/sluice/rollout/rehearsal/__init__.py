"""A whole rollout on this machine, under generated load, with or without a planted fault."""
