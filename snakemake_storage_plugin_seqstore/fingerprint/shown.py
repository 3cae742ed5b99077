"""What a job is told in words: values as people write them, and what differs between two of them.

What is shown are tagged canonical values of the forms that
:class:`~snakemake_storage_plugin_seqstore.fingerprint.values.Values` gives, as records keep them.
Those may be of anybody: what is not of such a form is a ValueError, TypeError, LookupError or
AttributeError.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from snakemake_storage_plugin_seqstore.fingerprint.values import MAPPINGS

MOST = 60  # characters of a value that are shown

_BEFORE = 20  # characters before the first difference, and the rest of a word
_END = 17  # characters of the end of a long value
_SEQUENCES = {"list": "[]", "tuple": "()", "deque": "[]"}
_SETS = {"set": "{}", "frozenset": "{}"}
_OBJECTS = ("dataclass", "named tuple")
_NAMESPACES = ("SimpleNamespace", "Namespace")


def difference(name: str, old: Any, new: Any) -> Iterator[str]:
    """What differs between two values, in words: of nested ones the parts that do.

    Examples
    --------
    >>> from snakemake_storage_plugin_seqstore.fingerprint.values import Values
    >>> from snakemake_storage_plugin_seqstore.provenance import tagged
    >>> old, new = (tagged(Values().describe({"a": {"b": n}}, "it")) for n in (1, 2))
    >>> [*difference("config", old, new)]
    ['config["a"]["b"]: 1 -> 2']
    """
    if old == new:
        return
    before, now = _named_parts(old), _named_parts(new)
    is_alike = before is not None and now is not None and _frame(old) == _frame(new)
    if not is_alike or before is None or now is None:
        yield _change(name, old, new)
    elif _opened(old)[0] in _SEQUENCES and len(before) != len(now):
        yield _change_of_length(name, old, new)
    else:
        for key, part in before.items():
            if key in now:
                yield from difference(name + key, part, now[key])
            else:
                yield f"{name}{key}: removed"
        for key, part in now.items():
            if key not in before:
                yield f"{name}{key}: new, {short(shown(part))}"
        if before == now:
            yield f"{name}: in another order"


def difference_behind(name: str, old: Any, new: Any) -> Iterator[str]:
    """What differs between what is behind keys of two nested mappings, such as the config."""
    before, now = _behind(old), _behind(new)
    for way in (*before, *(way for way in now if way not in before)):
        if way not in before or way not in now:
            yield f"{name}{way} is read {'now' if way in now else 'no more'}"
        elif before[way] is None or now[way] is None:
            if before[way] is not now[way]:
                yield f"{name}{way}: {_shown_or_unset(before[way], now[way])}"
        else:
            yield from difference(name + way, before[way], now[way])


def is_behind(value: Any) -> bool:
    """Whether a value is of what is behind keys of a mapping."""
    return bool(value[0] == "tuple" and value[1] and value[1][0][0] == "tuple")


def shown(value: Any) -> str:
    """A value as Python writes it."""
    tag, *rest = value
    kind, parts = _opened(value)
    if kind in _SEQUENCES:
        return _joined(map(shown, parts[-1][1]), _SEQUENCES[kind])
    if kind in _SETS:
        return _joined((shown(json.loads(text)) for _, text in parts[-1][1]), _SETS[kind])
    if kind in MAPPINGS:
        return _joined((f"{shown(k)}: {shown(v)}" for k, v in _pairs(parts)), "{}")
    if kind in _OBJECTS or kind in _NAMESPACES:
        made_of = _joined((f"{k[1]}={shown(v)}" for k, v in _pairs(parts)), "()")
        return f"{_class(parts[0]) if kind in _OBJECTS else kind}{made_of}"
    if kind == "enum":
        return f"{_class(parts[0])}.{parts[1][1]}"
    if kind == "repr":
        return str(parts[1][1])
    if kind in ("path", "pattern"):
        return shown(parts[0])
    if kind == "subclass":
        return shown(parts[1])
    if tag == "str":
        return json.dumps(clean(rest[0]), ensure_ascii=False)
    if tag == "float":
        return repr(float.fromhex(rest[0]))
    if tag == "bytes":
        return repr(bytes.fromhex(rest[0]))
    if tag in ("none", "bool", "int", "complex"):
        return str(rest[0]) if rest else "None"
    return f"<{kind or tag}>"


def text_difference(old: str, new: str) -> str:
    """The first place at which two texts differ, with a little of what is around it."""
    old, new = (" ".join(clean(text).split()) for text in (old, new))
    if max(len(old), len(new)) <= MOST:
        return f"{old} -> {new}"
    pairs = enumerate(zip(old, new, strict=False))
    same = next((n for n, (a, b) in pairs if a != b), min(len(old), len(new)))
    starts = [old.rfind(" ", 0, max(0, end)) + 1 for end in (same - _BEFORE, same + 1)]
    # Of a word; within it only if the difference is far behind its begin.
    near = [start for start in starts if same - start < MOST // 2]
    start = near[0] if near else same - _BEFORE
    return f"{_window(old, start, same)} -> {_window(new, start, same)}"


def short(text: str) -> str:
    """A text on one line; of a long one its begin and its end."""
    text = " ".join(clean(text).split())
    if len(text) <= MOST:
        return text
    begin, end = text[: MOST - _END], text[-_END:]
    return f"{begin.rpartition(' ')[0] or begin} ... {end.partition(' ')[2] or end}"


def _change(name: str, old: Any, new: Any) -> str:
    if old[0] == new[0] == "str":
        texts = json.dumps(clean(old[1])), json.dumps(clean(new[1]))
        if max(map(len, texts)) > MOST:
            return f"{name}: {text_difference(old[1], new[1])}"
    before, now = shown(old), shown(new)
    if before == now or any(text.startswith("<") for text in (before, now)):
        return f"{name} changed"
    return f"{name}: {text_difference(before, now)}"


def _change_of_length(name: str, old: Any, new: Any) -> str:
    """What differs between lists: all of short ones, else from the first part that does."""
    if max(len(shown(old)), len(shown(new))) <= MOST:
        return _change(name, old, new)
    before, now = _opened(old)[1][-1][1], _opened(new)[1][-1][1]
    pairs = enumerate(zip(before, now, strict=False))
    same = next((n for n, (a, b) in pairs if a != b), min(len(before), len(now)))
    behind = 0
    while behind < min(len(before), len(now)) - same and before[-1 - behind] == now[-1 - behind]:
        behind += 1
    parts = [
        short(_joined(map(shown, each[same : len(each) - behind]), "[]")) for each in (before, now)
    ]
    return f"{name}[{same}:{len(before) - behind}]: {parts[0]} -> {parts[1]}"


def _shown_or_unset(old: Any, new: Any) -> str:
    texts = ["not set" if each is None else short(shown(each)) for each in (old, new)]
    return " -> ".join(texts)


def _behind(value: Any) -> dict[str, Any]:
    """What is behind keys, by the way to it; None if nothing is."""
    found = {}
    for _, (keys, state) in value[1]:
        way = "".join(f"[{shown(key)}]" for key in keys[1])
        kind, parts = _opened(state)
        found[way] = parts[0] if kind == "value" else None
    return found


def _opened(value: Any) -> tuple[str, list[Any]]:
    """What kind of form a tuple is, and what follows; no kind for a simple value."""
    if value[0] == "tuple" and value[1] and value[1][0][0] == "str":
        return value[1][0][1], value[1][1:]
    return "", []


def _frame(value: Any) -> Any:
    """What a form is, but for its parts."""
    kind, parts = _opened(value)
    return kind, parts[:-1]


def _named_parts(value: Any) -> dict[str, Any] | None:
    """The parts of a form by what is written to get them; None if it has none."""
    kind, parts = _opened(value)
    if kind in _SEQUENCES:
        return {f"[{number}]": part for number, part in enumerate(parts[-1][1])}
    if kind in MAPPINGS:
        return {f"[{shown(key)}]": part for key, part in _pairs(parts)}
    if kind in _OBJECTS or kind in _NAMESPACES:
        return {f".{key[1]}": part for key, part in _pairs(parts)}
    return None


def _pairs(parts: list[Any]) -> Iterator[tuple[Any, Any]]:
    for _, (key, value) in parts[-1][1]:
        yield key, value


def _class(value: Any) -> str:
    """The name of a class; what it does may be told, too."""
    if value[0] == "str":
        return str(value[1])
    _, parts = _opened(value)
    return str(parts[1][1] if len(parts) == 2 else parts[0][1])


def _joined(parts: Any, brackets: str) -> str:
    parts = [*parts]
    comma = "," if brackets == "()" and len(parts) == 1 and "=" not in parts[0] else ""
    return f"{brackets[0]}{', '.join(parts)}{comma}{brackets[1]}"


def clean(text: str) -> str:
    """A text without what frames the symbols in it."""
    return text.replace("\0", "")


def _window(text: str, start: int, same: int) -> str:
    """A part of a text, in whole words unless what differs would not be seen."""
    part = text[start : start + MOST]
    if start + MOST < len(text):
        whole = part.rpartition(" ")[0]
        part = f"{whole if len(whole) > same - start else part} ..."
    return f"... {part}" if start else part
