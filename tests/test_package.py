"""The package as a user of Python meets it."""

from __future__ import annotations

import inspect
import pickle
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import pfsolve
from pfsolve.problems import numbered


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


def test_settings_are_short_and_say_which_names_there_are() -> None:
    settings = pfsolve.Settings(particles=4, ladder=(3, 1), temperature=0.5)
    assert repr(settings) == "Settings(particles=4, ladder=(3.0, 1.0), temperature=0.5)"
    assert eval(repr(settings), vars(pfsolve) | {"Settings": pfsolve.Settings}) == settings
    assert pickle.loads(pickle.dumps(settings)) == settings
    assert list(inspect.signature(pfsolve.Settings).parameters)[:2] == ["method", "particles"]
    for wrong in (lambda: pfsolve.Settings(particle=4), lambda: pfsolve.solve("2+2", particle=4)):
        with pytest.raises(pfsolve.PfsolveError, match="unknown setting 'particle'") as caught:
            wrong()
        assert caught.value.hint is not None
        assert caught.value.hint.startswith("did you mean 'particles'? the settings are ")
        assert "beam_width" in caught.value.hint
        assert caught.value.__notes__ == [caught.value.hint], "a traceback shows it"


def test_texts_are_numbered_as_lines_of_a_file() -> None:
    own = pfsolve.Problem("mine", 9, "3 + 3?")
    assert list(numbered([" 2 + 2? ", own])) == [pfsolve.Problem("1", 1, "2 + 2?"), own]
    with pytest.raises(pfsolve.PfsolveError, match="a single text"):
        numbered("2 + 2?")
