"""What goes wrong and can be mended by the person at the keyboard."""


class SluiceError(Exception):
    """One line: what is wrong, where, and what to do about it."""
