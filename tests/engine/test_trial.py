"""Files that no hash vouches for: what is wrong with one ends another process, and is told in one line."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from pfsolve.child import Reply
from pfsolve.engine import trial
from pfsolve.engine.trial import look_into, try_out
from pfsolve.environment import Environment
from pfsolve.errors import ModelFileError, ModelMissing, PfsolveError, ResourceError
from pfsolve.events import Event
from pfsolve.events.work import Trying
from tests.engine.gguf_parts import (
    ARRAY,
    F32,
    STRING,
    TEMPLATE,
    U32,
    Parts,
    array,
    string,
    text,
    tiny,
    u32,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    return tiny(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def world(tmp_path: Path) -> Environment:
    return Environment(variables={"PFSOLVE_STATE_DIR": str(tmp_path / "state")})


def having(whole: Parts, **fields: tuple[int, bytes] | None) -> Parts:
    """With these values in the place of the file's own; None for a key that is missing."""
    parts = deepcopy(whole)
    for name, value in fields.items():
        key = name.replace("__", ".")
        if value is None:
            del parts.fields[key]
        else:
            parts.fields[key] = value
    return parts


def of_architecture(whole: Parts, name: str) -> Parts:
    parts = deepcopy(whole)
    parts.fields = {key.replace("llama.", f"{name}."): v for key, v in whole.fields.items()}
    parts.fields["general.architecture"] = string(name)
    return parts


def with_info(whole: Parts, **values: Any) -> Parts:
    """With other facts of its first tensor."""
    parts = deepcopy(whole)
    for name, value in values.items():
        setattr(parts.infos["token_embd.weight"], name, value)
    return parts


def changed(whole: Parts, **values: Any) -> Parts:
    parts = deepcopy(whole)
    for name, value in values.items():
        setattr(parts, name, value)
    return parts


def cut(whole: Parts) -> dict[str, tuple[bytes, str]]:
    """Cut in each kind of place."""
    data, header = whole.bytes(), whole.header()
    tokens = data.index(b"tokenizer.ggml.tokens")
    infos = header.index(b"token_embd.weight")
    places = {
        "in the version": 6,
        "in the counts": 20,
        "before the first key": 24,
        "in a key": 40,
        "in an array": tokens + 500,
        "in a string of an array": tokens + 21 + 4 + 12 + 9,
        "in the infos": infos + 20,
        "before the data": len(header),
        "in the data": len(data) - 1000,
        "before the last byte": len(data) - 1,
    }
    return {place: (data[:size], "cannot load") for place, size in places.items()}


def absurd(whole: Parts) -> dict[str, tuple[bytes, str]]:
    """Counts and lengths that are no file's."""
    key, parts = "tokenizer__ggml__tokens", {}
    for number in (2**32, 2**63, 2**64 - 1):
        parts[f"{number} keys"] = changed(whole, n_fields=number)
        parts[f"{number} tensors"] = changed(whole, n_infos=number)
        parts[f"an array of {number} numbers"] = having(whole, **{key: (ARRAY, array(0, number))})
        parts[f"an array of {number} texts"] = having(whole, **{key: (ARRAY, array(8, number))})
        parts[f"a text of {number} bytes"] = having(whole, **{key: (STRING, text("a", number))})
        parts[f"an offset of {number}"] = with_info(whole, offset=number)
        parts[f"{number} rows"] = with_info(whole, dims=[64, number])
    for number in (2**31, 2**32 - 1):
        parts[f"{number} layers"] = having(whole, llama__block_count=u32(number))
        parts[f"{number} heads"] = having(whole, llama__attention__head_count=u32(number))
        parts[f"a width of {number}"] = having(whole, llama__embedding_length=u32(number))
        parts[f"{number} axes"] = changed(whole, n_dims={"token_embd.weight": number})
        parts[f"an alignment of {number - 1}"] = having(whole, general__alignment=u32(number - 1))
    parts["no alignment"] = having(whole, general__alignment=u32(0))
    parts["no heads"] = having(whole, llama__attention__head_count=u32(0))
    parts["a type that is none"] = having(whole, general__name=(99, b"1234"))
    parts["a tensor of no type"] = with_info(whole, kind=99)
    parts["version 999"] = changed(whole, version=999)
    parts["an array of arrays"] = having(whole, general__name=(ARRAY, array(9, 1, array(U32, 0))))
    return {name: (made.bytes(), "cannot |GB of memory") for name, made in parts.items()}


def unfit(whole: Parts) -> dict[str, tuple[bytes, str]]:
    """Sound files of what pfsolve cannot use."""
    no_vocab = string("no_vocab")
    n_vocab = whole.infos["token_embd.weight"].dims[1]
    parts = {
        "no tokenizer": (having(whole, tokenizer__ggml__model=None), "cannot load"),
        "no tokens": (having(whole, tokenizer__ggml__tokens=None), "cannot load"),
        "no_vocab": (
            having(whole, tokenizer__ggml__model=no_vocab, llama__vocab_size=u32(n_vocab)),
            "it has no vocabulary",
        ),
        "no template": (having(whole, tokenizer__chat_template=None), "has no chat template"),
        "no architecture": (having(whole, general__architecture=None), "cannot load"),
        "an architecture of tomorrow": (
            of_architecture(whole, "xlama"),
            "unknown model architecture: 'xlama'",
        ),
        "mamba": (of_architecture(whole, "mamba2"), r"\(mamba2\) cannot be used: .* recurrent"),
        "an encoder": (of_architecture(whole, "t5encoder"), "cannot "),
        "for embeddings": (of_architecture(whole, "gemma-embedding"), "cannot "),
        "a tensor of another name": (
            changed(
                whole, infos={n.replace("output_norm", "o"): i for n, i in whole.infos.items()}
            ),
            "tensor 'output_norm.weight' not found",
        ),
        "weights that are no numbers": (
            changed(whole, data=b"\xff" * len(whole.data)),
            "computes logits that are no numbers",
        ),
    }
    return {name: (made.bytes(), message) for name, (made, message) in parts.items()}


TEMPLATES = {
    "{{ 'x' * 100000000000 }}": "takes more memory than it may",
    "{% set n = namespace(a='xx') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}": (
        "takes more memory than it may"
    ),
    "{% for i in range(99999) %}{{ 'x' * 1000 }}{% endfor %}": "writes more than 100000 characters",
    "{{ range(1000000000) }}": "Range too big",
    "{{ 1 / 0 }}": "fails: division by zero",
    "{% for %}": "none that Jinja can read: Expected an expression",
    "{% for i in range(2) %}" * 40 + "{% endfor %}" * 40: "too many statically nested blocks",
    "{{" + "(" * 5000 + "1" + ")" * 5000 + "}}": "is nested too deeply",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}": "is nested too deeply",
    "{{ ''.__class__.__mro__ }}": "access to attribute '__class__' of 'str' object is unsafe",
    "{{ messages.append(1) }}": "attribute 'append' of 'list' object is unsafe",
    "{{ 9 | random }}": "No filter named 'random'",
    "{% include '/etc/passwd' %}": "no loader",
    "nothing": "drops part of a conversation",
    "{{ raise_exception('no\nway') }}": "fails: no way",
}


def hostile(whole: Parts) -> dict[str, tuple[bytes, str]]:
    """Templates that are more than a conversation needs."""
    return {
        f"template {number}": (
            having(whole, tokenizer__chat_template=string(template)).bytes(),
            message,
        )
        for number, (template, message) in enumerate(TEMPLATES.items())
    }


def fatal(whole: Parts) -> dict[str, tuple[bytes, str]]:
    """What llama.cpp ends the process for."""
    n_vocab = whole.infos["token_embd.weight"].dims[1]
    same = (ARRAY, array(STRING, n_vocab, text("a") * n_vocab))
    nan = (F32, b"\xff" * 4)
    parts = [
        having(whole, tokenizer__ggml__tokens=same),
        having(whole, llama__attention__layer_norm_rms_epsilon=nan),
        having(whole, llama__expert_count=u32(2**31), llama__expert_used_count=u32(1)),
    ]
    return {f"fatal {i}": (made.bytes(), "") for i, made in enumerate(parts)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="each file is tried in a fork")
def test_a_bad_file_is_one_line_and_ends_no_other_process(whole: Parts, tmp_path: Path) -> None:
    cases = {"good": (whole.bytes(), "")}
    for kind in (cut, absurd, unfit, hostile, fatal):
        cases |= kind(whole)
    files = []
    for number, (data, _) in enumerate(cases.values()):
        files.append(tmp_path / f"{number}.gguf")
        files[-1].write_bytes(data)
    found = subprocess.run(
        [sys.executable, "-m", "tests.engine.forked", *map(str, files)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        check=True,
        timeout=120,
    )
    ends = list(map(json.loads, found.stdout.splitlines()))
    assert len(ends) == len(cases)
    wrong = []
    for (case, (_, message)), (_, code, lines) in zip(cases.items(), ends, strict=True):
        said = json.loads(lines[-1]) if code == 0 else {}
        if case.startswith("fatal"):
            expected = code < 0
        elif case == "good":
            expected = "rendered" in said
        else:
            expected = "failed" in said and bool(re.search(message, said["message"]))
        if not expected:
            wrong.append((case, code, lines[-1]))
    assert not wrong


def test_a_good_file_is_tried_once_and_its_template_is_not_run_in_this_process(
    whole: Parts, tmp_path: Path, world: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, heard = tmp_path / "own.gguf", list[Event]()
    path.write_bytes(whole.bytes())
    facts = look_into(path, "policy", world, sha256=None, listen=heard.append)
    assert facts.rendered is not None
    assert facts.rendered.texts["told"] == "[system]⟪s⟫[user]⟪u⟫[assistant]"
    assert heard == [Trying("own")]

    asked: list[str] = []

    def ask(module: str, *arguments: str, **_: object) -> Reply:
        asked.append(arguments[0])
        return Reply(1)

    monkeypatch.setattr("pfsolve.child.ask", ask)
    monkeypatch.setattr("pfsolve.engine.chat.render", lambda *_: pytest.fail("it is run here"))
    again = look_into(path, "policy", world, sha256=None, listen=heard.append)
    assert (again, asked) == (facts, [])
    assert look_into(path, "policy", world, sha256="known").rendered is None
    assert asked == []
    from pfsolve.engine.chat import Chat
    from pfsolve.engine.library import LoadedModel

    with LoadedModel(again) as model:
        assert Chat(model).prompt("s", "u")
    for role, other in (("reward", False), ("policy", True)):
        if other:
            path.write_bytes(whole.bytes() + b"x")
        with pytest.raises(ModelFileError, match="ended with status 1 while starting"):
            look_into(path, role, world, sha256=None)  # type: ignore[arg-type]
    with pytest.raises(ModelFileError):
        try_out(path, "policy", world, again=True)
    assert asked == ["reward", "policy", "policy"]


def test_a_template_without_an_end_and_an_abort_are_told_in_one_line(
    whole: Parts, tmp_path: Path, world: Environment
) -> None:
    path = tmp_path / "own.gguf"
    loop = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    path.write_bytes(having(whole, tokenizer__chat_template=string(loop + TEMPLATE)).bytes())
    with pytest.raises(ModelFileError, match=r"template of own.* does not end within 2 seconds"):
        try_out(path, "policy", world)
    assert try_out(path, "reward", world) is None  # which has no use for one
    path.write_bytes(
        having(whole, llama__attention__layer_norm_rms_epsilon=(F32, b"\xff" * 4)).bytes()
    )
    with pytest.raises(
        ModelFileError, match=r"ended by SIGABRT while computing with it \(ops\.cpp:"
    ):
        try_out(path, "policy", world)


def test_what_is_no_gguf_starts_no_process(
    tmp_path: Path, world: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pfsolve.child.ask", lambda *_, **__: pytest.fail("a process"))
    with pytest.raises(ModelMissing):
        try_out(tmp_path / "none.gguf", "policy", world)
    for content in (b"", b"GG", b"Dear Sir or Madam", b"PK\x03\x04" + bytes(5000)):
        (tmp_path / "a.gguf").write_bytes(content)
        with pytest.raises(ModelFileError, match="no GGUF"):
            try_out(tmp_path / "a.gguf", "policy", world)


@pytest.mark.parametrize(
    ("code", "last_words", "kind", "message"),
    [
        (None, "", ModelFileError, "did not end within 9 seconds while loading it"),
        (-9, "", ResourceError, "ran out of memory while loading it"),
        (
            -6,
            "  what():  std::bad_alloc",
            ResourceError,
            "ran out of memory while loading it (what",
        ),
        (-11, "", ModelFileError, "was ended by SIGSEGV while loading it"),
        (
            -6,
            "/b/x.cpp:7: GGML_ASSERT(n) failed",
            ModelFileError,
            "it (x.cpp:7: GGML_ASSERT(n) failed)",
        ),
        (0, "", ModelFileError, "ended with status 0 while loading it"),
    ],
)
def test_the_end_of_a_trial_is_told(
    code: int | None,
    last_words: str,
    kind: type[PfsolveError],
    message: str,
    whole: Parts,
    tmp_path: Path,
    world: Environment,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = '{"stage": "reading"}\nnonsense\n{"stage": "loading it"}\n' + last_words
    monkeypatch.setattr("pfsolve.child.ask", lambda *_, **__: Reply(code, said))
    monkeypatch.setattr(trial, "_limit_s", lambda size: 9.0)
    (tmp_path / "a.gguf").write_bytes(whole.bytes())
    with pytest.raises(kind) as caught:
        try_out(tmp_path / "a.gguf", "policy", world)
    assert message in caught.value.message
    assert len(caught.value.message.splitlines()) == 1
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("assertion", "what", "hint"),
    [
        (
            "ctx->mem_buffer != NULL",
            "ran out of memory",
            "use fewer --particles or a smaller --context",
        ),
        ("eps >= 0", "gave up", "`pfsolve doctor` looks for what is wrong"),
    ],
)
def test_what_llama_cpp_ends_this_process_for_is_an_error_like_others(
    assertion: str, what: str, hint: str
) -> None:
    program = f"""
from llama_cpp import _ggml
from pfsolve.engine import backend
backend.start()
_ggml.libggml.ggml_abort(b"/tmp/build/ggml.c", 7, b"GGML_ASSERT({assertion}) failed")
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], stderr=subprocess.PIPE, text=True, check=False, timeout=60
    )
    said = [f"Error: llama.cpp {what}: ggml.c:7: GGML_ASSERT({assertion}) failed", hint]
    assert (ended.returncode, ended.stderr.splitlines()) == (1, said)
