"""A container image from a package: wheels, build, record, push."""
