"""The container image of a package: its wheels, its build, its record, and pushing it."""
