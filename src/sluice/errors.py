"""The error type for problems that a person can fix, and how an error is shown in one line."""


class SluiceError(Exception):
    """A problem that the user can fix: one line that says what is wrong, where, and what to do."""


def describe(error: BaseException) -> str:
    """The error in one line, with the name of its type unless the message was written for
    people.
    """
    message = " ".join(str(error).split())
    if isinstance(error, (SluiceError, OSError)):
        return message
    return f"{type(error).__name__}: {message}"
