"""Ground truth: the true outcomes that become known later, joined with what was scored."""
