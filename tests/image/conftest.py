"""The images that the tests of this folder share."""

from support.image.fixtures import base, image, other_image, other_package, package, wheels

__all__ = ["base", "image", "other_image", "other_package", "package", "wheels"]
