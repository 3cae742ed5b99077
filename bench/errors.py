"""What goes wrong for a reason that the user can change."""


class BenchError(Exception):
    """A benchmark cannot run; the message says what to do."""


class NotInstalled(BenchError):
    """A peer is missing; the message says how to get it."""
