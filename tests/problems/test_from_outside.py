"""Files as others publish and save them: names of fields, options, encodings, delimiters, other formats."""

from __future__ import annotations

import bz2
import json

import pytest

from pfsolve.errors import UsageError
from pfsolve.problems import Problem, parse_fields, read_problems


def rows(
    data: object, name: str = "a.jsonl", fields: tuple[str, ...] = ()
) -> list[tuple[str, str | None]]:
    """Text and answer of each problem; every row must hold one."""
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    found = read_problems(content, name=name, fields=parse_fields(fields)).rows
    assert all(isinstance(row, Problem) for row in found), found
    return [(row.text, row.answer) for row in found if isinstance(row, Problem)]


@pytest.mark.parametrize(
    ("row", "text", "answer"),
    [
        ({"QUESTION": "1+1?", "Final Answer": 2}, "1+1?", "2"),
        ({"question": "1+1?", "answer": "One.\n#### 2"}, "1+1?", "One.\n#### 2"),
        ({"problem": "1+1", "solution": "It is $\\boxed{2}$.", "level": "1"}, "1+1", "2"),
        ({"problem": "1+1", "solution": "2"}, "1+1", "2"),
        ({"input": "1+1", "output": "2"}, "1+1", "2"),
        ({"input": "1+1", "output": "I say \\boxed{3}"}, "1+1", None),
        ({"method": "POST", "body": {"messages": [{"role": "user", "content": "1+1"}]}}, "1+1", None),
        ({"problem": "1+1", "solution": "Take 1 and then 1 more."}, "1+1", None),
        ({"problem": "1+1", "answer": None, "gold": "2"}, "1+1", "2"),
        ({"problem": "1+1", "answer": "n/a", "solution": "so \\boxed{2}"}, "1+1", "2"),
        ({"ID": 1, "Body": "Ann has 1.", "Question": "And 1?", "Answer": 2.0}, "Ann has 1.\nAnd 1?", "2.0"),
        ({"context": None, "question": "1+1?", "final_answer": ["$2$"]}, "1+1?", "$2$"),
        ({"passage": "1+1?", "question": "1+1?"}, "1+1?", None),
        ({"instruction": "Add.", "input": "1+1"}, "1+1\nAdd.", None),
        ({"sQuestion": "1+1?", "lSolutions": [2.0]}, "1+1?", "2.0"),
        ({"original_text": "1+1?", "ans": "2", "equation": "x=1+1"}, "1+1?", "2"),
        (
            {"prompt": [{"role": "system", "content": "Hm."}, {"role": "user", "content": "1+1?"}],
             "reward_model": {"ground_truth": "2"}},
            "1+1?", "2",
        ),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "1+1?"}]}]}, "1+1?", None),
        ({"conversations": [{"from": "human", "value": "1+1?"}, {"from": "gpt"}]}, "1+1?", None),
        ({"doc_id": 0, "doc": {"question": "1+1?", "answer": "2"}, "target": "2"}, "1+1?", "2"),
        ({"doc": {"question": "1+1?"}, "target": "2"}, "1+1?", "2"),
        ({"problem": "1+1", "steps": ["2"], "label": -1, "final_answer_correct": True}, "1+1", None),
        ({"problem": "1+1", "answer": [3, None, "5"]}, "1+1", "3, 5"),
        ({"problem": "1+1", "answer": []}, "1+1", None),
        ({"problem": "1+1", "answer": True}, "1+1", "true"),
        ({"problem": "1+1", "answer": float("nan")}, "1+1", None),
        ({"problem": "1+1", "answer": float("inf")}, "1+1", None),
        ({"problem": "1+1", "answer": {"value": 2}}, "1+1", None),
        ({"problem": "1+1", "answer": "a\0"}, "1+1", None),
        ({"problem": "1+1", "answer": "\ud800"}, "1+1", None),
        *(({"problem": "1+1", "answer": no}, "1+1", None) for no in ("-", "—", "<NA>", "#N/A", "None")),
        ({"problem": "1+1", "answer": "none of them"}, "1+1", "none of them"),
    ],
)  # fmt: skip
def test_usual_names_are_read(row: object, text: str, answer: str | None) -> None:
    assert rows(row) == [(text, answer)]


@pytest.mark.parametrize(
    ("row", "options", "answer"),
    [
        ({"options": ["A)4", "B)5"], "correct": "B"}, "A)4\nB)5", "B"),
        ({"options": ["(A) 4", "(B) 5"], "label": "B", "answer": None}, "(A) 4\n(B) 5", "B"),
        ({"choices": ["4", "5"], "answer": 1}, "A) 4\nB) 5", "B"),
        ({"choices": [4, 5], "answer": 5}, "A) 4\nB) 5", "5"),
        ({"options": {"A": "4", "B": "5"}, "answer_idx": "B"}, "A) 4\nB) 5", "B"),
        ({"choices": {"text": ["4", "5"], "label": ["1", "2"]}, "answerKey": "2"}, "1) 4\n2) 5", "2"),
        ({"options": [{"label": "A", "text": 4}, {"label": "B", "text": 5}], "gold": 1}, "A) 4\nB) 5", "B"),
        ({"options": "a ) 4 , b ) 5", "correct": "b"}, "a ) 4 , b ) 5", "b"),
        ({"options": "['4', '5']", "correct": "b"}, "A) 4\nB) 5", "b"),
        ({"A": 4, "B": 5, "Answer": "B"}, "A) 4\nB) 5", "B"),
        ({"option_a": 4, "option_b": 5, "answer": "B"}, "A) 4\nB) 5", "B"),
    ],
)  # fmt: skip
def test_options_are_part_of_the_problem(row: dict[str, object], options: str, answer: str) -> None:
    assert rows({"question": "2+3?", **row}) == [(f"2+3?\n{options}", answer)]
    assert rows({"question": f"2+3?\n\n{options}", **row}) == [(f"2+3?\n\n{options}", answer)]


@pytest.mark.parametrize("options", [[{"x": 4}], 4, True, 1.5, {"text": ["a", []]}])
def test_options_of_an_unknown_form_cost_the_row(options: object) -> None:
    data = json.dumps({"question": "2+3?", "options": options}).encode()
    assert "no options" in str(read_problems(data, name="a.jsonl").rows[0])


@pytest.mark.parametrize("label", [5, ["x"], "AB", None])
def test_options_whose_labels_do_not_fit_get_letters(label: object) -> None:
    options = {"text": ["4", "5"], "label": label}
    assert rows({"question": "2+3?", "options": options, "answer": 10**400}) == [
        ("2+3?\nA) 4\nB) 5", str(10**400))
    ]
    text = "{[1]: 2, 3: 4}"  # no value of Python
    assert rows({"question": "2+3?", "options": text}) == [(f"2+3?\n{text}", None)]


def test_a_path_leads_into_objects_and_lists() -> None:
    row = {"a.b": "1+1", "a": {"b": "no", "c": ["x", {"d": 2}]}}
    assert rows(row, fields=("a.b", "answer=a.c.1.d")) == [("1+1", "2")]
    with pytest.raises(UsageError, match=r"a\.c\.2"):
        rows(row, fields=("a.b", "answer=a.c.2"))
    deep = {"doc": {"question": "And 1?", "body": "Ann has 1.", "answer": "2"}}
    assert rows(deep, fields=("doc.question", "answer=doc.answer")) == [("Ann has 1.\nAnd 1?", "2")]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "standard input"])
@pytest.mark.parametrize("indent", [None, 2])
def test_json_documents_are_read(name: str, indent: int | None) -> None:
    objects = [{"problem": "1+1", "id": "x"}, {"problem": "2+2", "answer": 4}]
    found = [("1+1", None), ("2+2", "4")]
    keyed = {"a": objects[0], "b": objects[1]}
    for document in (objects, keyed, {"version": 1, "rows": [{"row": row} for row in objects]}):
        data = json.dumps(document, indent=indent).encode()
        if name != "standard input" or document is objects or indent:
            assert rows(data, name) == found
    several = "\n".join(json.dumps(each, indent=2) for each in objects).encode()
    assert rows(several, name) == found
    assert [row.id for row in read_problems(several, name=name).rows] == ["x", "2"]


def test_a_damaged_document_is_refused_as_a_whole() -> None:
    data = json.dumps([{"problem": "1+1"}, {"problem": "2+2"}], indent=1)[:-4].encode()
    with pytest.raises(UsageError, match="line 6"):
        rows(data)


@pytest.mark.parametrize(
    "data",
    [
        "problem;answer\r\n\"1,1; 2\";4\r\n",
        "sep=;\r\nproblem;answer\r\n1,1; 2;4\r\n".replace("1,1; 2", '"1,1; 2"'),
        "sep=,\nproblem,answer\n\"1,1; 2\",4",
        "problem\tanswer\n1,1; 2\t4",
        "answer|problem\n4|1,1; 2",
        "problem,answer\r\"1,1; 2\",4\r",
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_tables_are_read_whatever_separates_them(data: str, encoding: str) -> None:
    assert rows(data.encode(encoding), "a.csv") == [("1,1; 2", "4")]


def test_a_line_before_the_header_counts() -> None:
    assert read_problems(b"sep=;\nproblem\n1+1", name="a.csv").rows == (Problem("3", 3, "1+1"),)


@pytest.mark.parametrize(
    "data", [b"question\tanswer\n1+1?\t2", b"id;Question;x\n7;1+1?;2", b"level,problem\n7,1+1?"]
)
def test_a_header_in_a_pipe_makes_a_table(data: bytes) -> None:
    assert [text for text, _ in rows(data, "standard input")] == ["1+1?"]
    assert rows(b"q,x\n1+1,2", "standard input", ("q",)) == [("1+1", None)]


@pytest.mark.parametrize(
    "line", ["Question: what is a problem, what is an answer?", "Problem, solve x", "problem"]
)
def test_a_problem_that_speaks_of_problems_is_no_header(line: str) -> None:
    assert rows(line.encode(), "standard input") == [(line, None)]


def test_western_letters_are_read_and_others_refused() -> None:
    text = "Is 5 × 9 – 3 dear in a café?"
    assert rows(text.encode("cp1252"), "a.txt") == [(text, None)]
    with pytest.raises(UsageError, match="encoding is not known") as caught:
        rows("problem\nСколько будет 2+2?".encode("cp1251"), "a b.csv")
    assert caught.value.hint is not None
    assert caught.value.hint.endswith("iconv -f ENCODING -t UTF-8 'a b.csv' > converted.csv")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"Find \frac{1}{2}.", None),
        (r"If \tan \theta = 1, find \theta.", None),
        (r"Let \rho \neq 2.", None),
        (r"Is x \ne 3 for $\nu$?", None),
        (r"Find \sqrt{2}, \{1\}.\nNow.", "Find \\sqrt{2}, \\{1\\}.\nNow."),
        (r"\underline{a} \u00e9", "\\underline{a} é"),
        (r"\\frac{1}{2} \times 3\nuntil", "\\frac{1}{2} \\times 3\nuntil"),
        (r"1\textra\nice", "1\textra\nice"),
        (r"\\frac{1}{2}\nuntil \ne", "\\frac{1}{2}\nuntil \ne"),
        (r"Let\ne = 3\tand\tb", "Let\ne = 3\tand\tb"),
        (r"1 \\ 2\n\"a\" \/", '1 \\ 2\n"a" /'),
        (r"\fChapter 1", "Chapter 1"),
    ],
)
def test_single_backslashes_in_json(written: str, read: str | None) -> None:
    data = f'{{"problem": "{written}"}}\n{{"problem": "1"}}'.encode()
    assert rows(data) == [(written if read is None else read, None), ("1", None)]


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a.parquet", b"PAR1\x15\x04", "Parquet"),
        ("a.xlsx", b"PK\x03\x04" + bytes(26) + b"xl/workbook.xml", "Office"),
        ("a.zip", b"PK\x03\x04" + bytes(26), "zip"),
        ("a.pdf", b"%PDF-1.7\n", "PDF"),
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:a", "LFS"),
        ("a.json", b"\n<!DOCTYPE html><html></html>", "HTML"),
        ("a.csv.bz2", bz2.compress(b"problem\n1+1"), "bzip2"),
        ("a.yml", b"- problem: 1+1", "YAML"),
        ("a.png", b"\x89PNG\r\n", "image"),
        ("a.dat", bytes(range(256)), "no text"),
    ],
)
def test_other_formats_are_refused_by_name(name: str, data: bytes, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        rows(data, name)
    if what not in ("YAML", "HTML"):
        with pytest.raises(UsageError, match=what):
            read_problems(data, name=name, kind="lines")
    else:
        assert read_problems(data, name=name, kind="lines").rows
