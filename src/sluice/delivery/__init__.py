"""A delivery: a package, its evidence and its image, published together as a pre-release."""
