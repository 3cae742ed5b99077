"""Provenance: what was done, to what, with which parameters."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from snakemake_storage_plugin_seqstore.provenance.canonical import NotCanonical, canonical, tagged

VERSION = 2  # of the key: raised when the same provenance should get another digest


@dataclass(frozen=True)
class Provenance:
    """How something was made.

    Parameters
    ----------
    operation : str
        Name of the operation, e.g. ``"transform.log"``.
    input_ids : tuple of str
        Ids of the inputs, sorted.
    params : tuple of (str, object)
        Parameters as (key, value) pairs, sorted by key.

    Examples
    --------
    >>> p = Provenance("transform.log", ("abc",), (("base", 2),))
    >>> p.cache_key()
    ('transform.log', ('abc',), (('base', 2),))
    """

    operation: str
    input_ids: tuple[str, ...]
    params: tuple[tuple[str, Any], ...]

    def cache_key(self) -> tuple[str, tuple[str, ...], tuple[tuple[str, Any], ...]]:
        """Return the tuple (operation, input_ids, params).

        Python compares it by value alone, so that 1, 1.0 and True are one; what the stores look
        up is :meth:`digest`.
        """
        return (self.operation, self.input_ids, self.params)

    def digest(self) -> str:
        """Return the SHA-256, in hex, of the canonical form; equal for the same provenance alone.

        Raises
        ------
        NotCanonical
            If a parameter has no canonical form.

        Examples
        --------
        >>> one = Provenance("op", (), (("k", 1),))
        >>> one.digest() == Provenance("op", (), (("k", True),)).digest()
        False
        """
        return self._digest

    def parts(self) -> dict[str, Any]:
        """Return it by name as tagged canonical values, as a record keeps it.

        Raises
        ------
        NotCanonical
            If a parameter has no canonical form.
        """
        operation, inputs, params = self.operation, tuple(self.input_ids), tuple(self.params)
        return {
            "made": tagged((operation, inputs, params)),
            "operation": tagged(operation),
            "params": tagged(params),
        }

    @cached_property
    def _digest(self) -> str:
        whole = (VERSION, self.operation, tuple(self.input_ids), tuple(self.params))
        try:
            text = canonical(whole)
        except NotCanonical:
            for key, value in self.params:
                canonical(value, f"param {key}")  # says which one
            raise
        return hashlib.sha256(text.encode()).hexdigest()
