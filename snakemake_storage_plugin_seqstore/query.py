"""The grammar of queries: ``seqstore://<collection>/<name>[?<view>]``.

Pure text: nothing here touches a store. A query may contain Snakemake wildcards, in the name and in
the values of the view; whatever is literal is checked at once, the rest when the wildcards are
known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_plus

from snakemake_interface_storage_plugins.io import WILDCARD_REGEX

from snakemake_storage_plugin_seqstore.collections import REGISTRY
from snakemake_storage_plugin_seqstore.errors import QueryError
from snakemake_storage_plugin_seqstore.store.parsing import LEVELS, RESERVED_SEGMENT, SEGMENT

SCHEME = "seqstore://"
COLLECTIONS = tuple(REGISTRY)
PIN = "sha256"
FORMAT = "format"

_WILDCARD = "\0"  # stands for every character of a wildcard while the text around it is parsed
_CONTROL = re.compile(r"[\x01-\x1f\x7f-\x9f\u2028\u2029]")
# What may stand unescaped in a value. None of it means anything to a shell but `*`, which the local
# path therefore does not contain.
_UNSAFE_IN_VALUE = re.compile(r"[^A-Za-z0-9._~:,=*%+\0-]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SHELL_SAFE = str.maketrans({"&": "@", "*": "^"})  # `@` and `^` cannot stand in a view


@dataclass(frozen=True)
class Query:
    """One parsed query.

    Parameters
    ----------
    collection : str
        One of the registry's.
    name : str
        Slash-separated segments; the suffix of the last one says the format.
    view : tuple of (str, str)
        The parameters of the view as written, still percent-encoded. Empty for the entry itself.
    """

    collection: str
    name: str
    view: tuple[tuple[str, str], ...] = ()

    @staticmethod
    def parse(text: str) -> Query:
        """Parse a query.

        Raises
        ------
        QueryError
            If `text` is not a query; the message names it, says what is wrong and what is allowed.
        """
        return _parse(text)

    @property
    def base(self) -> Query:
        """The query of the entry itself, without the view."""
        return Query(self.collection, self.name) if self.view else self

    @property
    def params(self) -> dict[str, str]:
        """The decoded parameters of the view, without the pin."""
        return {key: unquote_plus(value) for key, value in self.view if key != PIN}

    @property
    def pin(self) -> str | None:
        """SHA-256 of the version that the query is pinned to, if it is."""
        return dict(self.view).get(PIN) if self.view else None

    @property
    def format(self) -> str | None:
        """Format of the derived form, empty if it is the entry's; None for its own bytes."""
        if not self.is_derived:
            return None
        views = REGISTRY[self.collection].views
        return dict(self.view).get(FORMAT) or (views.default if views else None)

    @property
    def is_derived(self) -> bool:
        """Whether the view is a form derived from the entry, not just the entry itself."""
        return bool(self.view) and any(key != PIN for key, _ in self.view)

    @property
    def is_concrete(self) -> bool:
        """Whether there are no wildcards left."""
        return WILDCARD_REGEX.search(str(self)) is None

    def local_suffix(self) -> str:
        """Relative path of the local copy: unique per query, safe in a shell, with a useful suffix.

        A view's path is made from its text alone, so that replacing wildcards before or after comes
        to the same. It lives beside its collection, not below the entry, whose path is a file.
        """
        if not self.view:
            return f"{self.collection}/{self.name}"
        view = _outside_wildcards("&".join(f"{key}={value}" for key, value in self.view))
        suffix = f".{self.format}" if self.format else ""
        return f"{self.collection}.view/{view}/{self.name}{suffix}"

    def __str__(self) -> str:
        view = "&".join(f"{key}={value}" for key, value in self.view)
        return f"{SCHEME}{self.collection}/{self.name}" + (f"?{view}" if view else "")


@lru_cache(maxsize=65536)
def _parse(text: str) -> Query:
    try:
        return _parse_parts(text)
    except QueryError as error:
        # What it says of a part of the text may be no more printable.
        raise QueryError(f"query '{_printable(text)}': {_printable(str(error))}") from None


def _parse_parts(text: str) -> Query:
    if not text.startswith(SCHEME):
        raise QueryError(f"it does not start with {SCHEME}")
    if _WILDCARD in text:
        raise QueryError("it contains a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise QueryError("it is not valid UTF-8", "rename the file") from None
    masked = WILDCARD_REGEX.sub(lambda match: _WILDCARD * len(match.group()), text)
    start = len(SCHEME)
    mark = masked.find("?", start)
    end = len(text) if mark < 0 else mark
    slash = masked.find("/", start, end)
    if slash < 0:
        raise QueryError("it has no name", f"write {SCHEME}<collection>/<name>")
    collection = text[start:slash]
    if collection not in REGISTRY and _WILDCARD not in masked[start:slash]:
        raise QueryError(f"unknown collection '{collection}'", f"allowed: {', '.join(REGISTRY)}")
    name = text[slash + 1 : end]
    _check_name(collection, masked[slash + 1 : end])
    if mark < 0:
        query = Query(collection, name)
    else:
        query = Query(
            collection, name, _parse_view(collection, text[mark + 1 :], masked[mark + 1 :])
        )
        _check_path(query)
    return query


def _check_name(collection: str, masked: str) -> None:
    if masked.count("/") >= LEVELS:
        raise QueryError(f"its name has more than {LEVELS} segments", "use fewer folders")
    for segment in masked.split("/"):
        if not segment:
            raise QueryError(
                "its name has an empty segment",
                "a name is one or more segments joined by single slashes, neither first nor last; "
                "mark an absolute path as local(...)",
            )
        if segment in (".", "..", RESERVED_SEGMENT):
            raise QueryError(f"its name has the segment '{segment}'", "use a proper file name")
        if _CONTROL.search(segment):
            raise QueryError("its name has a control character", "use printable characters")
        _check_segment_length(segment)
    kind = REGISTRY.get(collection)
    if kind and kind.suffixes and not masked.endswith((*kind.suffixes, _WILDCARD)):
        raise QueryError(
            f"the name of {kind.entry} ends in one of {', '.join(kind.suffixes)}",
            f"other files belong into {SCHEME}files/",
        )
    if kind and segment in kind.suffixes:
        raise QueryError(f"its name is a suffix alone, '{segment}'", f"write e.g. x{segment}")


def _check_segment_length(segment: str) -> None:
    if len(segment.replace(_WILDCARD, "").encode()) > SEGMENT:
        raise QueryError(
            f"'{_printable(segment[:40])}...' is longer than {SEGMENT} bytes",
            "shorten it; many gids or names go into a params of the sequences/extract wrapper",
        )


def _parse_view(collection: str, text: str, masked: str) -> tuple[tuple[str, str], ...]:
    kind = REGISTRY.get(collection)
    allowed = (PIN, FORMAT, *kind.views.keys) if kind and kind.views else (PIN,)
    pairs: dict[str, str] = {}
    start = 0
    for part in masked.split("&"):
        key, equals, masked_value = part.partition("=")
        value = text[start + len(key) + 1 : start + len(part)]
        start += len(part) + 1
        if _WILDCARD in key:
            raise QueryError(
                "a wildcard stands for a key of its view", "wildcards may stand in values"
            )
        if key not in allowed:
            raise QueryError(
                f"unknown key '{_printable(key)}' in its view",
                f"allowed for {collection}: {', '.join(allowed)}",
            )
        if key in pairs:
            raise QueryError(f"its view has the key '{key}' twice")
        if not equals or not value:
            raise QueryError(f"the key '{key}' of its view has no value")
        _check_value(key, masked_value)
        pairs[key] = value
    return tuple(pairs.items())


def _check_value(key: str, masked: str) -> None:
    if unsafe := _UNSAFE_IN_VALUE.search(masked):
        character = unsafe.group()
        escaped = "".join(f"%{byte:02X}" for byte in character.encode())
        raise QueryError(
            f"the value of '{key}' has the character '{_printable(character)}'",
            f"write it as {escaped}",
        )
    if _BAD_ESCAPE.search(masked):
        raise QueryError(f"the value of '{key}' has a stray '%'", "write it as %25")
    if _WILDCARD in masked:
        return
    try:
        unquote_plus(masked, errors="strict")
    except UnicodeDecodeError:
        raise QueryError(f"the escapes in the value of '{key}' are not UTF-8") from None
    if key == PIN and not re.fullmatch("[0-9a-f]{64}", masked):
        raise QueryError(f"'{masked}' is not a SHA-256", "it has 64 lower-case hex digits")


def _check_path(query: Query) -> None:
    masked = WILDCARD_REGEX.sub(_WILDCARD, query.local_suffix())
    for segment in masked.split("/"):
        _check_segment_length(segment)


def _outside_wildcards(view: str) -> str:
    """Translate to shell-safe characters, leaving wildcards and their constraints alone."""
    parts = []
    start = 0
    for match in WILDCARD_REGEX.finditer(view):
        parts += [view[start : match.start()].translate(_SHELL_SAFE), match.group()]
        start = match.end()
    return "".join([*parts, view[start:].translate(_SHELL_SAFE)])


def _printable(text: str) -> str:
    return (
        text.replace(_WILDCARD, "{}").encode("unicode_escape").decode()
        if not text.isprintable()
        else text
    )
