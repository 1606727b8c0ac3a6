"""The rules of the house, as functions from a module's source to the sentences that it breaks."""

import ast
import functools
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "src" / "grantline"

MODULE_LINES: Final = 400
FUNCTION_LINES: Final = 50
BANNED_NAMES: Final = frozenset(
    {"utils", "util", "helpers", "helper", "common", "core", "base", "manager", "service"}
)
SQL: Final = re.compile(
    r"\s*(SELECT\s|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM|WITH\s+\w+\s+AS|CREATE\s+\w+\s|ALTER\s+TABLE|DROP\s+\w+\s|PRAGMA\s)",
    re.IGNORECASE,
)
DATABASE_VERBS: Final = frozenset({"one", "all", "run", "execute", "executemany", "executescript"})
SECRET_WORDS: Final = frozenset(
    {"secret", "token", "code", "mac", "digest", "verifier", "challenge", "password"}
)
MUTABLE_CALLS: Final = frozenset(
    {"dict", "list", "set", "defaultdict", "OrderedDict", "Counter", "deque", "bytearray"}
)
IMMUTABLE_ANNOTATIONS: Final = ("Final", "Mapping", "tuple", "frozenset", "Sequence", "Set", "ClassVar")
WRONG_CITATION: Final = re.compile(
    r"rfc ?\d{3,5}|RFC-?\d{3,5}|RFC \d{3,5}(?:,? (?:section|sec\.?|chapter)\b|,? ?§ |§|, §)"
)


def modules(folder: Path = SOURCE) -> list[Path]:
    return sorted(folder.rglob("*.py"))


@functools.cache
def tree_of(path: Path) -> ast.Module:
    """A module's source, read once for all rules."""
    return ast.parse(path.read_text())


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def long_functions(tree: ast.Module) -> Iterator[str]:
    """Functions of more than 50 lines below their signature, the docstring not counted."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if _is_docstring(node.body[0]) else node.body
            lines = (node.end_lineno or 0) - body[0].lineno + 1 if body else 0
            if lines > FUNCTION_LINES:
                yield f"{node.lineno}: {node.name} has {lines} lines"


def type_checking_imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name == "TYPE_CHECKING":
            yield f"{node.lineno}: TYPE_CHECKING (a noun is in the wrong folder)"  # type: ignore[attr-defined]


def _is_constant(node: ast.expr) -> bool:
    """Whether no input can reach this part of a text: literals and CONSTANTS."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.FormattedValue(value=value):
            return _is_constant(value)
        case ast.JoinedStr(values=values):
            return all(_is_constant(value) for value in values)
        case ast.Call(func=ast.Name(id="placeholders")):
            return True  # `$3, $4`: two numbers in, signs and digits out
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _is_constant(left) and _is_constant(right)
    return False


def _first_text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=[first, *_]):
            return _first_text(first)
        case ast.BinOp(left=left):
            return _first_text(left)
    return ""


def _is_assembled(node: ast.expr) -> bool:
    match node:
        case ast.JoinedStr():
            return not _is_constant(node)
        case ast.BinOp(op=ast.Mod() | ast.Add()):
            return not _is_constant(node)
        case ast.Call(func=ast.Attribute(attr="format" | "format_map" | "join")):
            return True
    return False


def assembled_sql(tree: ast.Module) -> Iterator[str]:
    """SQL text that is put together from anything but literals and constants (T145)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in DATABASE_VERBS and node.args and _is_assembled(node.args[0]):
                yield f"{node.lineno}: SQL assembled in the call of .{node.func.attr}"
            if node.func.attr in ("format", "format_map") and SQL.match(_first_text(node.func.value)):
                yield f"{node.lineno}: SQL assembled by .{node.func.attr}"
        elif (
            isinstance(node, ast.JoinedStr | ast.BinOp)
            and _is_assembled(node)
            and SQL.match(_first_text(node))
        ):
            yield f"{node.lineno}: SQL assembled from parts"


def _word(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return ""


def compared_secrets(tree: ast.Module) -> Iterator[str]:
    """`==` between two values of which one is named as a secret (T150), constants excepted."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Compare):
            continue
        sides = [node.left, *node.comparators]
        if any(_is_constant(side) for side in sides):
            continue
        if any(isinstance(op, ast.Eq | ast.NotEq) for op in node.ops):
            for side in sides:
                if _word(side).lower().rsplit("_", 1)[-1] in SECRET_WORDS:
                    yield f"{node.lineno}: == on {_word(side)}"


def _is_mutable(value: ast.expr | None) -> bool:
    match value:
        case ast.Dict() | ast.List() | ast.Set() | ast.DictComp() | ast.ListComp() | ast.SetComp():
            return True
        case ast.Call(func=function):
            return _word(function) in MUTABLE_CALLS
    return False


def module_state(tree: ast.Module) -> Iterator[str]:
    """Containers at module level that could be changed, `global`, and caches on functions (T114)."""
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="__all__")]):
                continue
            case ast.Assign(targets=[target, *_], value=value):
                fixed = False
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                fixed = any(word in ast.unparse(annotation) for word in IMMUTABLE_ANNOTATIONS)
            case _:
                continue
        if _is_mutable(value) and not fixed:
            yield f"{statement.lineno}: {ast.unparse(target)} can be changed (annotate it Final or Mapping)"
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield f"{node.lineno}: global {', '.join(node.names)}"
        for decorator in getattr(node, "decorator_list", []):
            called = decorator.func if isinstance(decorator, ast.Call) else decorator
            if _word(called) in ("lru_cache", "cache"):
                yield f"{decorator.lineno}: a cache that all data centers in the process share"


def loose_matching(tree: ast.Module) -> Iterator[str]:
    """`re.match`, which lets a tail through (reading on from a place is fine), and foreign digits."""
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.BoolOp)]
    proven = {id(part) for test in tests if "isascii()" in ast.unparse(test) for part in ast.walk(test)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and id(node) not in proven:
            if node.func.attr == "match" and len(node.args) == 1:
                yield f"{node.lineno}: .match (use fullmatch)"
            if node.func.attr in ("isdigit", "isnumeric", "isdecimal") and not node.args:
                yield f"{node.lineno}: .{node.func.attr} (takes digits of every script)"


def weak_randomness(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        if "random" in names:
            yield f"{node.lineno}: random (use secrets)"  # type: ignore[attr-defined]


def wrong_citations(tree: ast.Module) -> Iterator[str]:
    """Mentions of an RFC that are not written as `RFC 6749 §4.1.3`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False) or ""
            for found in WRONG_CITATION.finditer(text):
                yield f"{getattr(node, 'lineno', 1)}: {found[0]!r} is not of the form RFC 6749 §4.1.3"


def closed_doors(tree: ast.Module) -> Iterator[str]:
    """Imports of another folder's modules past its `__init__`; the modules of `oauth` are doors themselves.

    The folder that a module belongs to is not known here: relative to itself, `test_house` leaves it out.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("grantline."):
            parts = (node.module or "").split(".")
            if len(parts) > 2 and parts[1] != "oauth":
                yield f"{node.lineno}: {parts[1]}: reached past its front door"


RULES: Final[tuple[Callable[[ast.Module], Iterator[str]], ...]] = (
    long_functions,
    type_checking_imports,
    assembled_sql,
    compared_secrets,
    module_state,
    loose_matching,
    weak_randomness,
    wrong_citations,
)
