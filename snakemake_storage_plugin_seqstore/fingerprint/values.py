"""Params, globals and config values in a form that is the same in every process and directory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.source_names import All, Keys
from snakemake_storage_plugin_seqstore.fingerprint.symbols import Places, Symbol


class Values:
    """Turns values into what :func:`~snakemake_storage_plugin_seqstore.provenance.canonical` takes.

    Parameters
    ----------
    places : tuple of (str, Symbol)
        Directories that do not count, see :func:`without_places`.
    own_paths : mapping of str to Symbol
        Paths of the job's own files and their directories, see :func:`own_paths`.
    other : callable, optional
        Describes a value of a type that is not known here, given the value and its name.
    """

    def __init__(
        self,
        places: Places = (),
        own_paths: Mapping[str, Symbol] | None = None,
        other: Callable[[Any, str], Any] | None = None,
    ) -> None:
        raise NotImplementedError

    def describe(self, value: Any, name: str) -> Any:
        """Return a form of a value; equal exactly for values of the same type and content.

        Parameters
        ----------
        value : object
            The value.
        name : str
            What to call it in an error, such as ``"param k"`` or ``"config[k]"``.

        Raises
        ------
        Unknown
            If it is not known yet (``<TBD>``) or has no such form; the message names it.
        """
        raise NotImplementedError

    def text(self, text: str) -> str:
        """Return a text with symbols in place of directories and of the job's own files."""
        raise NotImplementedError

    def of_keys(self, mapping: Mapping[Any, Any], keys: Keys, name: str) -> tuple[Any, ...]:
        """Describe what is behind keys of nested mappings, such as the config.

        Parameters
        ----------
        mapping : mapping
            The config.
        keys : frozenset of tuple
            Ways into it; the empty one is all of it. What is not there counts as missing.
        name : str
            What to call it in an error.

        Returns
        -------
        tuple of (tuple, form)
            Sorted by key.
        """
        raise NotImplementedError

    def of_names(
        self, items: Iterable[tuple[str, Any]], names: frozenset[str] | All, name: str
    ) -> tuple[Any, ...]:
        """Describe named values, such as wildcards, as far as they count, in their order."""
        raise NotImplementedError
