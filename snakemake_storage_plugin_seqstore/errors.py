"""Errors that are written for people: what is wrong, where, and what to do about it."""

from __future__ import annotations


class SeqstoreError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    message : str
        What is wrong, naming the query, file or record.
    hint : str, optional
        What to do about it; printed behind the message.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} ({hint})" if hint else message)


class QueryError(SeqstoreError, ValueError):
    """A query, or a part of one, does not follow the grammar."""


class InputError(SeqstoreError, ValueError):
    """An input file or record cannot be used as it is."""


class DamageError(SeqstoreError):
    """Stored bytes are not what they were when they were written."""


class StoreError(SeqstoreError):
    """The store cannot do what it was asked to: it is foreign, read-only, of another version."""
