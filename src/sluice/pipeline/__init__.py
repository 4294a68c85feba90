"""DVC as a process, the integrity of the tree, the remote, and one whole run."""
