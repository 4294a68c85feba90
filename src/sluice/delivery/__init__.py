"""A delivery: the package and everything that speaks for it, on its way into a release."""
