r"""What LaTeX macros and environments stand for on a terminal: tables, no logic.

Names are without their backslash. Symbols that are missing here come from pylatexenc's own table.
"""

from __future__ import annotations

SUPERSCRIPT = dict(
    zip(
        "0123456789+-=()abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVWαβγδθφχ−′°",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵅᵝᵞᵟᶿᵠᵡ⁻′°",
        strict=True,
    )
)
SUBSCRIPT = dict(
    zip(
        "0123456789+-=()aehijklmnoprstuvxβγρφχ−",
        "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ₋",
        strict=True,
    )
)

SYMBOLS = {
    # relations and operators
    "ne": "≠", "neq": "≠", "lt": "<", "gt": ">", "le": "≤", "ge": "≥", "leqslant": "≤",
    "geqslant": "≥", "implies": "⟹", "iff": "⟺", "to": "→", "gets": "←",
    "bot": "⊥", "mid": " | ", "nmid": "∤", "land": "∧",
    "lor": "∨", "lnot": "¬", "neg": "¬", "setminus": "∖", "smallsetminus": "∖", "colon": ":",
    "therefore": "∴", "because": "∵", "cdot": "·", "prime": "′", "degree": "°", "complement": "∁",
    # brackets
    "lvert": "|", "rvert": "|", "vert": "|", "lVert": "‖", "rVert": "‖", "Vert": "‖", "|": "‖",
    "langle": "⟨", "rangle": "⟩", "lbrace": "{", "rbrace": "}", "lbrack": "[", "rbrack": "]",
    # dots, shapes, currencies
    "ldots": "…", "cdots": "⋯", "dots": "…", "dotsc": "…", "dotsb": "⋯", "vdots": "⋮", "ddots": "⋱",
    "triangle": "△", "square": "□", "Box": "□", "blacksquare": "■", "checkmark": "✓",
    "backslash": "\\", "textdollar": "$", "mathdollar": "$", "pounds": "£", "euro": "€",
    # functions
    "gcd": "gcd", "lcm": "lcm", "bmod": "mod", "mod": "mod", "arg": "arg", "deg": "deg",
    "min": "min", "max": "max", "inf": "inf", "sup": "sup", "det": "det", "dim": "dim",
    "ker": "ker", "sgn": "sgn", "Pr": "Pr", "hom": "hom", "limsup": "limsup", "liminf": "liminf",
    "arctan": "arctan", "arcsin": "arcsin", "arccos": "arccos", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "coth": "coth", "cot": "cot", "csc": "csc", "sec": "sec",
    "exp": "exp", "lg": "lg", "Re": "Re", "Im": "Im",
    # spaces
    " ": " ", ",": " ", ";": " ", ":": " ", ">": " ", "~": " ", "quad": " ", "qquad": " ",
    "enspace": " ", "thinspace": " ", "space": " ", "\\": " ", "newline": " ", "\n": " ",
    # characters that have to be escaped
    "%": "%", "$": "$", "#": "#", "&": "&", "_": "_", "{": "{", "}": "}",
}  # fmt: skip

# An operator from a macro gets a space on either side; one typed as a character keeps its own.
OPERATORS = frozenset("=≠≤≥<>≪≫≈≡∼≃≅≐≜∝∈∉∋⊂⊃⊆⊇⊊⊋⊄∪∩∖∧∨→←↔⇒⇐⇔⟹⟸⟺⟶⟵↦⟼×÷·⋅∗∘⊕⊗±∓∣∤∥⊥⊢⊨≺≻∴∵")
BIG_OPERATORS = frozenset("∑∏∐∫∬∭∮⋃⋂⨁⨂")
PREFIXES = frozenset("∠△¬∀∃∂∇#")  # what follows belongs to these, space or no space

# Macros that only say how large or in which style something is set, or where a break may be.
NOTHING = {
    "left", "right", "middle", "big", "Big", "bigg", "Bigg", "bigl", "Bigl", "biggl", "Biggl",
    "bigr", "Bigr", "biggr", "Biggr", "bigm", "Bigm", "displaystyle", "textstyle", "scriptstyle",
    "limits", "nolimits", "hline", "allowbreak", "nobreak", "noindent", "centering", "boldmath",
    "normalsize", "small", "large", "protect", "relax", "nonumber", "notag", "!", "/", "@",
    "color", "hspace", "vspace", "phantom", "hphantom", "vphantom", "label",
}  # fmt: skip

# Macros of which only the (last) argument shows.
BODY_ONLY = (
    "boxed", "fbox", "text", "textrm", "textbf", "textit", "textsf", "texttt", "textnormal",
    "textup", "textsc", "mbox", "emph", "underline", "mathrm", "mathbf", "mathit", "mathsf",
    "mathtt", "mathcal", "mathscr", "mathfrak", "mathnormal", "bm", "boldsymbol", "pmb",
    "ensuremath", "mathop", "mathrel", "mathbin", "mathord",
    "textcolor",
)  # fmt: skip

COMBINING = {
    "bar": "\u0304", "overline": "\u0305", "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303",
    "widetilde": "\u0303", "vec": "\u20d7", "overrightarrow": "\u20d7", "dot": "\u0307",
    "ddot": "\u0308", "check": "\u030c", "breve": "\u0306", "acute": "\u0301", "grave": "\u0300",
    "mathring": "\u030a", "'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "c": "\u0327",
    "v": "\u030c", "not": "\u0338",
}  # fmt: skip

FRACTIONS = ("frac", "dfrac", "tfrac", "cfrac", "nicefrac")
BINOMIALS = ("binom", "dbinom", "tbinom")

# All macros with arguments that are understood, and what those are in pylatexenc's notation.
TAKE_ARGUMENTS = {
    **dict.fromkeys((*COMBINING, *BODY_ONLY, "pmod", "tag", "mathbb", "Bbb"), "{"),
    **dict.fromkeys((*FRACTIONS, *BINOMIALS), "{{"),
    "sqrt": "[{",
    "operatorname": "*{",
    "textcolor": "[{{",
}

ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}

# Environments of rows and cells, with their brackets.
GRIDS = {
    "matrix": ("", ""), "smallmatrix": ("", ""), "array": ("", ""), "tabular": ("", ""),
    "pmatrix": ("[", "]"), "bmatrix": ("[", "]"), "Bmatrix": ("{", "}"), "vmatrix": ("|", "|"),
    "Vmatrix": ("‖", "‖"), "cases": ("{", "}"), "dcases": ("{", "}"), "rcases": ("{", "}"),
}  # fmt: skip

# Environments of rows that are formulas.
BLOCKS = {
    "equation", "align", "aligned", "gather", "gathered", "split", "multline", "eqnarray",
    "alignat", "alignedat", "flalign", "displaymath", "math", "center",
}  # fmt: skip
