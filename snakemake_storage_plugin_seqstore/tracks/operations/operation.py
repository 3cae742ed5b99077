"""What an operation is: one entry drives Python, wrappers, the command line and provenance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

from snakemake_storage_plugin_seqstore.errors import InputError
from snakemake_storage_plugin_seqstore.provenance import Provenance

Kind = Literal["signal", "interval", "table", "genome", "alignments"]
Type = Literal["number", "integer", "boolean", "text"]
ROLES = "inputs"  # the parameter of a provenance that has the inputs in their order


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()


@runtime_checkable
class GenomeLike(Protocol):
    """What operations need of a genome."""

    @property
    def chrom_lengths(self) -> Mapping[str, int]:
        """Chromosomes and their lengths in bp."""

    def is_circular(self, chrom: str) -> bool:
        """Whether the ends of a chromosome are joined."""

    def fetch(self, chrom: str, start: int, end: int) -> str:
        """Return the bases of a window, 0-based, half-open."""


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation.

    Parameters
    ----------
    name : str
        Its name.
    type : str
        ``number``, ``integer``, ``boolean`` or ``text``.
    description : str
        What it does, with units.
    default : object
        Its value if it is left out; None is no value, :data:`REQUIRED` that it must be given.
    choices : tuple of str
        What a text may be.
    least : float, optional
        The smallest value.
    """

    name: str
    type: Type
    description: str
    default: Any = REQUIRED
    choices: tuple[str, ...] = ()
    least: float | None = None

    def check(self, value: Any) -> Any:
        """Return a value in its one form: whole numbers are int, whatever they were given as.

        Raises
        ------
        InputError
            If it is none.
        """
        if value is None and self.default is None:
            return None
        if isinstance(value, str) and self.type in ("number", "integer"):
            value = _number(value)
        if isinstance(value, str) and self.type == "boolean":
            value = {"true": True, "false": False}.get(value.lower(), value)
        if hasattr(value, "item") and not isinstance(value, str):
            value = value.item()  # a scalar of numpy
        match self.type:
            case "text":
                good = isinstance(value, str)
            case "boolean":
                good = isinstance(value, bool)
            case _:
                good = isinstance(value, int | float) and not isinstance(value, bool)
                good = good and math.isfinite(value)
                if good and value == int(value):
                    value = int(value)
                good = good and (self.type == "number" or isinstance(value, int))
        if not good:
            raise InputError(f"parameter {self.name!r} must be {self._what()}, not {value!r}")
        if self.choices and value not in self.choices:
            raise InputError(
                f"parameter {self.name!r} cannot be {value!r}",
                f"allowed: {', '.join(self.choices)}",
            )
        if self.least is not None and value < self.least:
            raise InputError(f"parameter {self.name!r} must be {self.least:g} at least")
        return value

    def _what(self) -> str:
        return {"number": "a finite number", "integer": "a whole number"}.get(
            self.type, f"a {self.type}"
        )


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Input:
    """An input of an operation.

    Parameters
    ----------
    name : str
        Its role.
    kinds : tuple of str
        What may be given: kinds of tracks, ``genome``, or ``alignments`` (the path of a BAM).
    description : str
        What it is for.
    many : bool
        Whether there may be several; the last input only.
    """

    name: str
    kinds: tuple[Kind, ...]
    description: str
    many: bool = False


@dataclass(frozen=True)
class Operation:
    """A computation that makes a track.

    Parameters
    ----------
    id : str
        Its name, such as ``transform.log``.
    description : str
        What it does, in a sentence.
    inputs : tuple of Input
        In their order.
    parameters : tuple of Parameter
        What it can be told.
    output : str
        Kind of the result; ``same`` is that of the first input.
    function : function of (inputs, parameters)
        Gets the inputs in order, and all parameters by name. Returns a signal, intervals, or what
        a table has.
    version : int
        Raised when the same request gives another result.
    """

    id: str
    description: str
    inputs: tuple[Input, ...]
    parameters: tuple[Parameter, ...]
    output: Literal["signal", "interval", "same"]
    function: Callable[[list[Any], dict[str, Any]], Any]
    version: int = 1

    def complete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return all parameters in their one form, by name.

        Raises
        ------
        InputError
            If one is unknown, missing, or has no such value.
        """
        known = [parameter.name for parameter in self.parameters]
        for name in params:
            if name not in known:
                raise InputError(
                    f"{self.id} has no parameter {name!r}",
                    f"there are {', '.join(known) or 'none'}",
                )
        found = {}
        for parameter in sorted(self.parameters, key=lambda p: p.name):
            value = params.get(parameter.name, parameter.default)
            if value is REQUIRED:
                raise InputError(f"{self.id} needs the parameter {parameter.name!r}")
            try:
                found[parameter.name] = parameter.check(value)
            except InputError as error:
                raise InputError(f"{self.id}: {error}") from None
        return found

    def takes(self, number: int) -> bool:
        """Whether so many inputs can be given."""
        least = len(self.inputs)
        return number == least or (number > least and self.inputs[-1].many)

    def roles(self, number: int) -> list[Input]:
        """Return the input that each of so many things is.

        Raises
        ------
        InputError
            If there are too few or too many.
        """
        last = self.inputs[-1]
        if not self.takes(number):
            names = ", ".join(one.name for one in self.inputs)
            raise InputError(f"{self.id} takes {names}: {number} inputs are not right")
        return [*self.inputs, *[last] * (number - len(self.inputs))]

    def provenance(self, input_ids: Sequence[str], params: Mapping[str, Any]) -> Provenance:
        """Return how a result is made: the same request gives the same, however it is put.

        Parameters
        ----------
        input_ids : sequence of str
            Ids of the inputs, in order.
        params : mapping of str to object
            Parameters; those that are left out have their defaults.

        Returns
        -------
        Provenance
            Its `input_ids` are sorted. Where there are several, a parameter ``inputs`` has them in
            order; later versions of an operation add ``version``.
        """
        self.roles(len(input_ids))
        told = self.complete(params)
        if len(input_ids) > 1:
            told[ROLES] = tuple(input_ids)
        if self.version > 1:
            told["version"] = self.version
        return Provenance(self.id, tuple(sorted(input_ids)), tuple(sorted(told.items())))

    def schema(self) -> dict[str, Any]:
        """Return what it takes, as JSON can say it."""
        return {
            "id": self.id,
            "description": self.description,
            "inputs": [vars(one) | {"kinds": list(one.kinds)} for one in self.inputs],
            "parameters": [
                {k: v for k, v in vars(one).items() if v not in (REQUIRED, ())}
                | {"required": one.default is REQUIRED}
                for one in self.parameters
            ],
            "output": self.output,
            "version": self.version,
        }
