r"""Characters that people and programs write instead of LaTeX: `2⁵`, `101₂`, `2⅜`, `≤`, `٣`."""

from __future__ import annotations

import unicodedata
from itertools import groupby

_LATEX = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\cdot ", "·": r"\cdot ",
    "⋅": r"\cdot ", "∙": r"\cdot ", "∗": "*", "÷": "/", "⁄": "/", "∕": "/", "∶": ":", "∣": "|",
    "π": r"\pi ", "∞": r"\infty ", "≤": r"\leq ", "⩽": r"\leq ", "≦": r"\leq ", "≥": r"\geq ",
    "⩾": r"\geq ", "≧": r"\geq ", "≠": r"\neq ", "±": r"\pm ", "∓": r"\mp ", "∪": r"\cup ",
    "∩": r"\cap ", "∈": r"\in ", "∖": r"\setminus ", "∧": r"\land ", "∨": r"\lor ",
    "°": r"^\circ ", "º": r"^\circ ", "√": r"\sqrt ", "∛": r"\sqrt[3] ", "∜": r"\sqrt[4] ",
    "∅": r"\emptyset ", "≈": r"\approx ",
    "≃": r"\approx ", "≡": r"\equiv ", "∴": " ", "⇒": r"\implies ", "→": r"\to ",
    "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "λ": r"\lambda ",
    "φ": r"\phi ", "ω": r"\omega ", "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}",
    "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}", "…": r"\ldots ", "⋯": r"\ldots ",
    "“": '"', "”": '"', "’": "'", "‘": "'", "′": "'", "٫": ".", "٬": ",", "。": ".",
}  # fmt: skip


def latex_characters(text: str) -> str:
    """The text in ASCII where ASCII and LaTeX can say the same; compatibility forms are folded.

    Superscripts become powers and subscripts indices; every vulgar fraction and the digits of every
    script are read, and no currency but the dollar is kept.
    """
    if text.isascii():
        return text
    text = "".join(_script(kind, "".join(run)) for kind, run in groupby(text, _kind))
    text = "".join(map(_character, text))
    return unicodedata.normalize("NFKC", text)


def _kind(character: str) -> str:
    """`^` for a superscript, `_` for a subscript, else nothing."""
    form = unicodedata.decomposition(character) if character not in _LATEX else ""
    return {"<super>": "^", "<sub>": "_"}.get(form.partition(" ")[0], "")


def _script(kind: str, run: str) -> str:
    return f"{kind}{{{unicodedata.normalize('NFKC', run)}}}" if kind else run


def _character(character: str) -> str:
    if character.isascii():
        return character
    if character in _LATEX:
        return _LATEX[character]
    category = unicodedata.category(character)
    if category == "Nd":
        return str(unicodedata.decimal(character))
    if category == "No" and "⁄" in (fraction := unicodedata.normalize("NFKC", character)):
        top, bottom = fraction.split("⁄")
        return rf"\frac{{{top}}}{{{bottom}}}" if bottom else character
    return {"Sc": " ", "Cf": ""}.get(category, character)
