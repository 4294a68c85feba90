"""What goes wrong and can be mended by the person at the keyboard."""


class SluiceError(Exception):
    """One line: what is wrong, where, and what to do about it."""


def describe(error: BaseException) -> str:
    """The error in one line; the type is named unless the message was written for people."""
    message = " ".join(str(error).split())
    if isinstance(error, (SluiceError, OSError)):
        return message
    return f"{type(error).__name__}: {message}"
