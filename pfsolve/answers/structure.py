r"""The shape of an answer: a value, a list, a set, a tuple or interval, a matrix, an equation.

`parse` turns a normalised text into a small tree of frozen nodes. It never fails: what has no known
shape is a `Value`. `matching.same` compares two trees.
"""

from __future__ import annotations

import re
from functools import lru_cache

from pfsolve.answers.numerals import number
from pfsolve.answers.relations import (
    APPROXIMATELY,
    is_equation,
    is_name,
    make_list,
    read_congruence,
    read_equation,
    read_exception,
    read_inequality,
)
from pfsolve.answers.tree import (
    MAX_ITEMS,
    Equation,
    Group,
    Matrix,
    Node,
    Read,
    Value,
    depths,
    split,
)
from pfsolve.answers.units import split_unit

_MAX_DEPTH = 10

# "..., n \in \mathbb{Z}" and "... for n \geq 1" say what a letter in the answer stands for.
_CONDITION = re.compile(
    r"(?<=[^\s,])\s*(?:,|\(|\s)\s*(?:(?:for|where)\s+[^,]*"
    r"|[A-Za-z]\s*\\in\s*\\mathbb\{?[ZNR]\}?(?:\^\+)?)\)?$"
)


@lru_cache(maxsize=4096)
def readings(text: str) -> tuple[Node, ...]:
    r"""The trees of a normalised answer, which may be read in several ways.

    "100,200" may be a number or a list, "1,5" a list or a decimal, "(B) 5" a choice or what it says,
    "4\pi \approx 12.57" either side.
    """
    sides = split(text, APPROXIMATELY)[0]
    if len(sides) == 2 and all(sides) and not is_name(sides[0]):
        return parse(sides[0]), parse(sides[1])
    trees = [parse(text)]
    if re.fullmatch(r"-?\d{1,3}(?:,\d{3})+", text):
        trees.append(parse(text.replace(",", ", ")))
    elif re.fullmatch(r"-?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+|-?\d{1,3}(?:\.\d{3}){2,}", text):
        trees.append(parse(text.replace(".", "").replace(",", ".")))
    elif choice := re.fullmatch(r"\(?([A-H])(?:[).:]\s+|\)\s*|[.:](?=[-\d\\(\[]))(\S.*)", text):
        trees += [parse(choice[1]), parse(choice[2])]
    return tuple(trees)


def parse(text: str, depth: int = 0) -> Node:
    """The tree of a normalised answer, as it is read first."""
    text = text.strip()
    if depth == 0:
        text = _CONDITION.sub("", text)
    if depth < _MAX_DEPTH:
        for reader in _READERS if depth else _OUTERMOST:
            if node := reader(text, lambda part: parse(part, depth + 1)):
                return node
    return Value(*split_unit(text))


# --- lists and unions ------------------------------------------------------------------------

_SEPARATOR = re.compile(
    r",?\s+(?:and|or)(?![A-Za-z])|[,;]|\\(?:lor|vee|land|wedge)(?![A-Za-z])|\\\\"
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!,?\d)")
_SPACED = re.compile(r"-?[\d./]+(?: [\d./]+)+")
_CUP = re.compile(r"\\cup(?![A-Za-z])")
_COLON = re.compile(":")
_LETTERS = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2}")


# 5 feet 6 inches
_QUANTITY = r"\d[\d./]*\s*(?:[A-Za-z]{2,}\.?|[mgsh])"
_QUANTITIES = re.compile(rf"{_QUANTITY}(?:,?\s*{_QUANTITY})+")
_BETWEEN_QUANTITIES = re.compile(r"(?<=[A-Za-z.]),?\s+(?=\d)")


def _read_thousands(text: str, read: Read) -> Node | None:
    """A list with numbers such as 1,234 in it; inside brackets (1,234) is a pair."""
    return _read_list(_THOUSANDS.sub(lambda match: match[0].replace(",", ""), text), read)


def _read_list(text: str, read: Read) -> Node | None:
    if _SPACED.fullmatch(text) and number(text) is None:  # 1 2 3, but not 1 1/2 or 12 000
        text = text.replace(" ", ", ")
    elif _QUANTITIES.fullmatch(text):
        text = _BETWEEN_QUANTITIES.sub(", ", text)
    pieces, signs = split(text, _SEPARATOR)
    pieces = [piece for piece in pieces if piece]
    if len(pieces) < 2 or len(pieces) > MAX_ITEMS:
        return None
    words = {word for sign in signs for word in re.findall("and|or|vee|wedge", sign)}
    return make_list(text, "list", [read(piece) for piece in pieces], words)


def _read_union(text: str, read: Read) -> Node | None:
    pieces, _ = split(text, _CUP)
    if not 2 <= len(pieces) <= MAX_ITEMS or is_equation(text):
        return None
    return Group(text, "union", tuple(map(read, pieces)))


def _read_ratio(text: str, read: Read) -> Node | None:
    pieces, _ = split(text, _COLON)
    if not 2 <= len(pieces) <= MAX_ITEMS or not all(pieces) or _LETTERS.search(text):
        return None
    return Group(text, ":", tuple(map(read, pieces)))


# --- brackets, matrices, signs ---------------------------------------------------------------

_ENCLOSED = re.compile(r"(\\\{|[(\[{\]])(.*?)(\\\}|[)\]}\[])", re.DOTALL)
_IMAGES = re.compile(r"(.+)(?:\\mid|:|\|)\s*[a-z]\s*\\in\s*\\mathbb\{?[ZN]\}?", re.DOTALL)
_SET_BUILDER = re.compile(r"[a-z](?:\s*\\in\s*\\mathbb\{?R\}?)?\s*(?:\\mid|:|\|)(.+)", re.DOTALL)
_COMMA = re.compile(r"[,;]")
_MATRIX = re.compile(
    r"\\begin\{([pbB]?(?:small)?matrix|array)\}(?:\s*\{[^{}]*\})?(.*)\\end\{\1\}", re.DOTALL
)
_CELL_END = re.compile("&")
_ROW_END = re.compile(r"\\\\(?:\[[^\[\]]*\])?|\\cr(?![A-Za-z])")


def _read_brackets(text: str, read: Read) -> Node | None:
    match = _ENCLOSED.fullmatch(text)
    if not match or not all(depths(text)[len(match[1]) : -len(match[3])]):
        return None  # not enclosed, or (a)(b)
    body = match[2].strip()
    kind = match[1][-1] + match[3][-1]
    if not body:
        return Value("\\emptyset") if kind == "{}" else None
    if kind == "{}" and (condition := _SET_BUILDER.fullmatch(body) or _IMAGES.fullmatch(body)):
        return read(condition[1])
    pieces, _ = split(body, _COMMA)
    if len(pieces) == 1:  # (5), [5] and {5} are 5, but {\emptyset} is something
        return Value(text) if kind == "{}" and body == "\\emptyset" else read(body)
    if len(pieces) > MAX_ITEMS or not all(pieces):
        return None
    items = [read(piece) for piece in pieces]
    if kind == "{}":
        return make_list(text, "set", items)
    if all(isinstance(item, Equation) and is_name(item.lhs) for item in items):
        return make_list(text, "list", items)  # (x = 1, y = 2)
    return Group(text, kind, tuple(items))


def _read_matrix(text: str, read: Read) -> Node | None:
    match = _MATRIX.fullmatch(text)
    if not match:
        return None
    rows = [split(row, _CELL_END)[0] for row in split(match[2], _ROW_END)[0] if row]
    if not rows or sum(map(len, rows)) > MAX_ITEMS:
        return None
    return Matrix(text, tuple(tuple(read(cell) for cell in row) for row in rows))


def _read_signs(text: str, read: Read) -> Node | None:
    r"""`a \pm b` as the list of a + b and a - b; \mp takes the opposite sign."""
    if not re.search(r"\\[pm][mp](?![A-Za-z])", text):
        return None
    variants = []
    for upper, lower in ("+-", "-+"):
        variant = re.sub(r"\\pm(?![A-Za-z])\s*", upper, text)
        variant = re.sub(r"\\mp(?![A-Za-z])\s*", lower, variant)
        variants.append(read(re.sub(r"(^|[(\[{,=])\s*\+", r"\1", variant)))
    return make_list(text, "list", variants)


_TERMS = re.compile(r"(?<=[^\s(^*/])\s*(?=[-+])")
_TERM = re.compile(r"([-+]?)\s*(.*?)\s*(?:\\cdot\s*)?\\hat\{([ijk])\}")


def _read_vector(text: str, read: Read) -> Node | None:
    r"""`2\hat{i} + 3\hat{j}` as (2, 3)."""
    if "\\hat{" not in text:
        return None
    terms = [_TERM.fullmatch(piece) for piece in split(text, _TERMS)[0]]
    found = {term[3]: term[1].strip("+") + (term[2] or "1") for term in terms if term}
    if len(found) < len(terms):
        return None
    names = "ijk" if "k" in found else "ij"
    return Group(text, "()", tuple(read(found.get(name, "0")) for name in names))


def _read_point(text: str, read: Read) -> Node | None:
    """`P(1, 2)` as (1, 2)."""
    match = re.fullmatch(r"[A-Z]'?\s*(\([^()]*,[^()]*\))", text)
    return read(match[1]) if match else None


# Each sees the text only if those before it found no shape of theirs in it.
_READERS = (
    read_congruence,
    read_exception,
    _read_list,
    read_equation,
    _read_union,
    read_inequality,
    _read_matrix,
    _read_brackets,
    _read_signs,
    _read_vector,
    _read_point,
    _read_ratio,
)
_OUTERMOST = (*_READERS[:2], _read_thousands, *_READERS[3:])
