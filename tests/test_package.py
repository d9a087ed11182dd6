"""The package as a user of Python meets it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pfsolve


def test_the_names_it_shows_are_all_there() -> None:
    assert dir(pfsolve) == sorted(pfsolve.__all__)
    assert all(getattr(pfsolve, name) is not None for name in pfsolve.__all__)
    assert pfsolve.__version__ == version("pfsolve")


def test_importing_it_loads_nothing_heavy() -> None:
    code = "import sys, pfsolve; print([m for m in ('numpy', 'rich', 'llama_cpp') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_no_hint_installs_the_package_from_an_index() -> None:
    """It is at none, where a stranger could own its name."""
    sources = Path(pfsolve.__file__).parent.rglob("*.py")
    commands = re.findall(r"pip install[^\n`]*", "".join(map(Path.read_text, sources)))
    assert commands
    assert not [command for command in commands if "pfsolve" in command]


def test_the_licence_comes_with_the_package() -> None:
    text = (Path(pfsolve.__file__).parent / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
