"""The one exception that means: the user can mend this."""


class InputError(ValueError):
    """Bad input. The message is one line: the key or file, what was expected, what was found."""
