"""What a Python source reads, as far as its text says."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from snakemake_storage_plugin_seqstore.workflow.code import composed
from snakemake_storage_plugin_seqstore.unknown import Unknown

EVERYTHING = "*"
# What the object `snakemake` of a script has, as far as it is more than input, output, params,
# log and threads, which count otherwise or not at all.
COUNTED = frozenset(("config", "wildcards", "resources", "rule", "scriptdir"))
_UNCOUNTED = frozenset(("input", "output", "params", "log", "threads", "log_fmt_shell"))
_FORMATTED = re.compile(r"\{snakemake\b\.?(\w*)")
_NAMESPACES = ("globals", "locals", "vars", "eval", "dir")  # through them `snakemake` is seen
_UNSEEN = ("exec", "compile", "__import__", "__builtins__", "execfile", "breakpoint", "get_ipython")
_UNSEEN_MODULES = ("runpy", "imp", "builtins", "code", "codeop", "zipimport")
_PLACES = ("__file__", "__real_file__", "__path__", "__spec__", "__loader__", "__cached__")
_LOCATES = ("getfile", "getsourcefile", "get_data", "argv", "getsource", "modules")
_FRAMES = ("_getframe", "currentframe", "f_globals", "f_back")
_IMPORTLIB = ("resources", "metadata", "reload", "import_module", "invalidate_caches", "abc")
_LISTS = frozenset(("listdir", "scandir", "iterdir", "glob", "iglob", "rglob", "fwalk", "walk"))
_PARENTS = frozenset(("parent", "parents", "dirname"))
_WORKING = frozenset(("getcwd", "cwd", "listdir", "scandir", "curdir"))
_ENVIRONS = ("environ", "environb")


@dataclass
class Reading:
    """What a Python source reads.

    Parameters
    ----------
    imports : set of str
        Top-level names of the modules that it imports.
    strings : set of str
        Its strings, with ``{}`` for what is computed in them; not the docstrings.
    attributes : set of str
        Attributes of ``snakemake`` that count; `EVERYTHING` if it is used in another way.
    config : set of tuple
        Keys of the values that it reads from the config; the empty tuple for all of it.
    beside : bool
        Whether it may read what is beside it.
    changes_path : bool
        Whether it changes where modules are searched for.
    reads_environment : bool
        Whether it reads environment variables by names among its strings.
    """

    imports: set[str] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    config: set[tuple[str | int, ...]] = field(default_factory=set)
    beside: bool = False
    changes_path: bool = False
    reads_environment: bool = False

    def merge(self, other: Reading) -> None:
        """Add what another source reads."""
        self.imports |= other.imports
        self.strings |= other.strings
        self.attributes |= other.attributes
        self.config |= other.config
        self.beside |= other.beside
        self.changes_path |= other.changes_path
        self.reads_environment |= other.reads_environment


def read(text: str, name: str) -> Reading:
    """Read a Python source.

    Raises
    ------
    Unknown
        If it is no Python, or runs code that its text does not show.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise Unknown(f"{name} cannot be parsed: {error}") from None
    reader = _Reader(name)
    reader.visit(tree)
    reader.reading.strings = without_dots(reader.reading.strings, reader.attributes)
    return reader.reading


def without_dots(strings: set[str], names: set[str]) -> set[str]:
    """Strings without ``.`` and ``..``, if they name no directory that is listed.

    They stand for other things more often. Code that lists the working directory names it.
    """
    if names & _LISTS and names & _PARENTS:
        strings = strings | {"{}/*"}  # the directory of an input
    if names & _LISTS:
        return strings | ({"."} if names & _WORKING else set())
    return {text for text in strings if text.strip("./")}


class _Reader(ast.NodeVisitor):
    def __init__(self, name: str) -> None:
        self.reading = Reading()
        self._name = name
        self.attributes: set[str] = set()  # names of all attributes, and of functions imported
        self._environs: set[int] = set()  # nodes that read environment variables in a known way

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            self._search_path(node)
        super().visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        # A docstring, or a string on its own, is not read.
        if not (isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._import(alias.name)
            if alias.name == "importlib" and alias.asname:
                raise self._unseen("importlib")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        if node.level:
            self.reading.beside = True
            return
        module = node.module or ""
        self._import(module)
        names = {alias.name for alias in node.names}
        self.attributes |= names
        if module == "importlib" and not names <= {*_IMPORTLIB} - {"import_module"}:
            raise self._unseen("importlib")
        if module == "importlib" and "resources" in names:
            self.reading.beside = True
        if module == "sys":
            self.reading.changes_path |= "path" in names
            self.reading.beside |= bool(names & {"argv", "modules", "_getframe"})
            if "modules" in names:
                self.reading.attributes.add(EVERYTHING)
        if module == "os" and names & {*_ENVIRONS, "getenv"}:
            self.reading.reads_environment = True
            if any(alias.asname for alias in node.names):
                raise self._computed_variable()
        if any(alias.name == "snakemake" and alias.asname for alias in node.names):
            self.reading.attributes.add(EVERYTHING)

    def _import(self, module: str) -> None:
        top = module.partition(".")[0]
        part = module.split(".")[1] if "." in module else ""
        if top in _UNSEEN_MODULES or (top == "importlib" and part and part not in _IMPORTLIB):
            raise self._unseen(top)
        if top == "__main__":
            self.reading.attributes.add(EVERYTHING)
        self.reading.imports.add(module if top == "snakemake" else top)
        if module in ("pkgutil", "importlib.resources"):
            self.reading.beside = True

    def visit_Name(self, node: ast.Name) -> None:
        if node.id == "snakemake" and isinstance(node.ctx, ast.Load):
            self.reading.attributes.add(EVERYTHING)  # attributes do not come here
        elif node.id in _NAMESPACES:
            self.reading.attributes.add(EVERYTHING)
            self.reading.beside |= node.id == "eval"
        elif node.id in _UNSEEN:
            raise self._unseen(node.id)
        elif node.id in _PLACES:
            self.reading.beside = True
        elif node.id in (*_ENVIRONS, "getenv") and id(node) not in self._environs:
            self._bare_environment(node.id)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        base = node.value
        self.attributes.add(node.attr)
        if node.attr == "snakemake":  # of a module: snakemake.script, __main__
            self.reading.attributes.add(EVERYTHING)
        if isinstance(base, ast.Name) and base.id == "snakemake":
            self._of_snakemake(node)
            return
        if isinstance(base, ast.Name) and base.id == "importlib":
            if node.attr == "resources":
                self.reading.beside = True
            elif node.attr not in _IMPORTLIB:
                raise self._unseen("importlib")
        self.reading.beside |= node.attr in (*_LOCATES, *_PLACES)
        seen = (("inspect", "stack"), ("sys", "modules"))
        if node.attr in _FRAMES or any(_is_attribute(node, *names) for names in seen):
            self.reading.attributes.add(EVERYTHING)
        if node.attr == "addsitedir":
            self.reading.changes_path = True
        if node.attr in (*_ENVIRONS, "getenv") and id(node) not in self._environs:
            self._bare_environment(node.attr)
        if node.attr in ("expandvars", "expanduser"):
            self.reading.reads_environment = True
        self.generic_visit(node)

    def _of_snakemake(self, node: ast.Attribute) -> None:
        if node.attr == "config":
            self.reading.config.add(())
        elif node.attr in COUNTED:
            self.reading.attributes.add(node.attr)
        elif node.attr == "source":
            self.reading.beside = True
        elif node.attr not in _UNCOUNTED:
            self.reading.attributes.add(EVERYTHING)
        if node.attr == "scriptdir":
            self.reading.beside = True

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if keys := _config_keys(node):
            self.reading.config.add(keys)
            return
        if self._is_environ(node.value):
            self._variable(node.slice, isinstance(node.ctx, ast.Load))
            self._environs.add(id(node.value))
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        function, first = node.func, node.args[0] if node.args else None
        name = function.attr if isinstance(function, ast.Attribute) else ""
        if name == "import_module":
            if not _is_string(first) or first.value.startswith("."):  # type: ignore[union-attr]
                raise Unknown(f"{self._name} imports a module whose name is computed")
            self._import(first.value)  # type: ignore[union-attr]
        if isinstance(function, ast.Attribute) and self._is_environ(function.value):
            if name in ("get", "setdefault", "pop"):
                self._variable(first, name != "pop")
            elif name not in ("copy", "update"):
                raise self._computed_variable()
            self._environs.add(id(function.value))
        if "getenv" in (name, getattr(function, "id", "")):
            self._variable(first, True)
            self._environs.add(id(function))
        if text := composed.of_replacement(node):
            self.reading.strings.add(text)
        # snakemake.config.get("key"): the arguments are visited as any others.
        if name == "get" and _is_string(first) and isinstance(function, ast.Attribute):
            keys = _config_keys(function.value)
            if keys is not None:
                self.reading.config.add((*keys, first.value))  # type: ignore[union-attr]
                for argument in (*node.args, *node.keywords):
                    self.visit(argument)
                return
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self._string(node.value)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._string(composed.of_node(node))  # a pattern of file names
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                self.visit(part.value)
                if part.format_spec:
                    self.visit(part.format_spec)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        text = composed.of_node(node)
        if text.replace("{}", ""):
            self.reading.strings.add(text)
        self.generic_visit(node)

    def _string(self, text: str) -> None:
        self.reading.strings.add(text)
        for attribute in _FORMATTED.findall(text):
            if attribute == "config":
                self.reading.config.add(())
            elif attribute in COUNTED:
                self.reading.attributes.add(attribute)
                self.reading.beside |= attribute == "scriptdir"
            elif attribute not in _UNCOUNTED:
                self.reading.attributes.add(EVERYTHING)

    def _search_path(self, statement: ast.stmt) -> None:
        """Note a statement that changes where modules are searched for."""
        nodes = list(ast.walk(statement))
        if not any(_is_attribute(node, "sys", "path") for node in nodes):
            return
        self.reading.changes_path = True
        for node in nodes:
            given = ("params", "config", "input", "wildcards")
            if any(_is_attribute(node, "snakemake", name) for name in given) or (
                isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
            ):
                raise Unknown(f"{self._name} changes sys.path by what it is given")

    def _is_environ(self, node: ast.AST) -> bool:
        name = getattr(node, "attr", getattr(node, "id", ""))
        return isinstance(node, ast.Attribute | ast.Name) and name in _ENVIRONS

    def _variable(self, key: ast.AST | None, is_read: bool) -> None:
        if not isinstance(key, ast.Constant) and is_read:
            raise self._computed_variable()
        self.reading.reads_environment |= is_read

    def _bare_environment(self, name: str) -> None:
        """The environment as a whole: programs get it anyway, but names may be looked up."""
        self.reading.reads_environment = True
        if name == "getenv":
            raise self._computed_variable()

    def _computed_variable(self) -> Unknown:
        return Unknown(f"{self._name} reads environment variables whose names are computed")

    def _unseen(self, name: str) -> Unknown:
        return Unknown(f"{self._name} uses {name}, so that it may run code that cannot be seen")

    def visit_For(self, node: ast.For | ast.comprehension) -> None:
        if self._is_environ(node.iter):
            raise self._computed_variable()
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        self.visit_For(node)


def _config_keys(node: ast.AST) -> tuple[str | int, ...] | None:
    """Keys of ``snakemake.config["a"]["b"]``; None for anything else."""
    if _is_attribute(node, "snakemake", "config"):
        return ()
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        before = _config_keys(node.value)
        if before is not None and isinstance(node.slice.value, str | int):
            return (*before, node.slice.value)
    return None


def _is_attribute(node: ast.AST, base: str, name: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and node.attr == name
        and isinstance(node.value, ast.Name)
        and node.value.id == base
    )


def _is_string(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
