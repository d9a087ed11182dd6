"""Files of problems: every row is accounted for, and none costs another."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
import zlib
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pfsolve.errors import UsageError
from pfsolve.problems import BadRow, Problem, ProblemFile, read_problems
from pfsolve.problems.problem import MAX_ID

NO_FIELDS: Mapping[str, str] = {}


def read(
    data: bytes | str,
    kind: str = "auto",
    name: str = "standard input",
    fields: Mapping[str, str] = NO_FIELDS,
) -> ProblemFile:
    data = data.encode() if isinstance(data, str) else data
    return read_problems(data, name=name, kind=kind, fields=fields)


def seen(file: ProblemFile) -> list[tuple[int, str]]:
    """Line and text of each problem, line and "BAD" of each bad row."""
    return [(row.line, row.text if isinstance(row, Problem) else "BAD") for row in file.rows]


def only_reason(file: ProblemFile) -> str:
    (row,) = file.rows
    assert isinstance(row, BadRow)
    return row.reason


def only_problem(file: ProblemFile) -> Problem:
    (row,) = file.rows
    assert isinstance(row, Problem), row
    return row


# What every file must fulfil, whatever is in it


def check(file: ProblemFile) -> None:
    assert len({row.id for row in file.rows}) == len(file.rows)
    lines = [row.line for row in file.rows]
    assert lines == sorted(set(lines))
    for row in file.rows:
        assert row.id.isprintable()
        assert 0 < len(row.id) < MAX_ID + 10
        if isinstance(row, Problem):
            assert row.text == row.text.strip() != ""
            assert "\0" not in row.text
            row.text.encode()
            assert row.answer is None or row.answer == row.answer.strip() != ""
        else:
            assert row.reason.isprintable()
            assert 0 < len(row.reason) <= 250
    assert file.describe().isprintable()


PIECES = st.sampled_from(
    [
        b"\n", b"\r\n", b"\r", b'"', b'""', b",", b'","', b"\t", b" ", b"\0", b"\xff", b"\xc3\xa9",
        b"\xe2\x80\xa8", b"\x0b", b"\xef\xbb\xbf", b"problem", b"answer,id", b'{"problem": "a"}',
        b'{"problem": ', b"null", b"NaN", b'"\\ud800"', b"[", b"]", b"{", b"}", b"1", b"a",
        b"\x1f\x8b",
    ]
)  # fmt: skip
HOSTILE = st.one_of(st.binary(), st.lists(PIECES, max_size=40).map(b"".join))


def lines_in(data: bytes) -> int:
    """A file's lines; the last one needs no line feed."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    data = data if b"\n" in data else data.replace(b"\r", b"\n")
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


@given(HOSTILE, st.sampled_from(["lines", "jsonl"]))
def test_each_line_is_one_row_or_blank(data: bytes, kind: str) -> None:
    data = (
        b'{"problem": "a"}\n' * 2 + data
    )  # neither gzip nor UTF-16, nor a document of several lines
    data += b'\n"\xc3\xa9"' * 40  # and UTF-8 on the whole
    file = read(data, kind)
    check(file)
    assert len(file.rows) + file.blank == lines_in(data)
    assert {row.line for row in file.rows} <= set(range(1, lines_in(data) + 1))


def records_by_csv(lines: list[str]) -> tuple[list[int], int]:
    """Where the records of a table begin, and how many lines are blank, by the csv module alone.

    A record that it refuses is one line.
    """
    starts, blank, position = [], 0, 0
    while position < len(lines):
        if not lines[position].strip():
            blank += 1
            position += 1
            continue
        starts.append(position + 1)
        reader = csv.reader((f"{line}\n" for line in lines[position:]), strict=True)
        try:
            next(reader)
        except csv.Error:
            position += 1
        else:
            position += reader.line_num
    return starts, blank


@given(st.text('"",,\n\n a', max_size=60))
def test_a_table_has_the_records_that_the_csv_module_finds(data: str) -> None:
    """Each line of the table is a row, or blank, or within a quoted cell of the row above."""
    file = read("problem\n" + data, "csv")
    check(file)
    starts, blank = records_by_csv(f"problem\n{data}".removesuffix("\n").split("\n"))
    assert [row.line for row in file.rows] == starts[1:]
    assert file.blank == blank


@given(HOSTILE)
def test_without_quotes_each_line_of_a_table_is_one_row_or_blank(data: bytes) -> None:
    data = b"problem\n" + data.replace(b'"', b"") + b"\n\xc3\xa9" * 40
    file = read(data, "csv")
    check(file)
    assert len(file.rows) + file.blank == lines_in(data) - 1


@given(HOSTILE, st.sampled_from(["auto", "lines", "text", "jsonl", "csv"]))
def test_arbitrary_bytes_are_read_or_refused(data: bytes, kind: str) -> None:
    for name in ("a.csv", "a.tsv", "a.jsonl", "a.json", "a.txt.gz", "standard input"):
        with suppress(UsageError):
            check(read(data, kind, name))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


ROWS = st.dictionaries(st.sampled_from(["problem", "answer", "id", "x"]), JSON)


@given(st.lists(ROWS, min_size=2))
def test_any_json_value_in_any_field_is_a_row(objects: list[dict[str, object]]) -> None:
    data = "\n".join(map(json.dumps, objects))
    if not any("problem" in row for row in objects):
        data += '\n{"problem": null}'  # so that there is such a field
    file = read(data, "jsonl")
    check(file)
    assert len(file.rows) == data.count("\n") + 1


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_what_csv_writes_is_read_back(cells: list[tuple[str, str]]) -> None:
    """Quotes, delimiters and line feeds within cells are part of the text."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n", quoting=csv.QUOTE_ALL)
    writer.writerows([("question", "answer"), *cells])
    file = read(written.getvalue(), "csv")
    check(file)
    assert [row.text if isinstance(row, Problem) else "" for row in file.rows] == [
        text.strip() for text, _ in cells
    ]
    for row, (_, answer) in zip(file.rows, cells, strict=True):
        assert isinstance(row, BadRow) or row.answer == (answer.strip() or None)


@given(st.lists(st.text(st.characters(categories=["L", "P", "S"]), min_size=1), min_size=1))
def test_what_json_writes_is_read_back(texts: list[str]) -> None:
    file = read("\n".join(json.dumps({"problem": text}) for text in texts), "jsonl")
    assert seen(file) == list(enumerate(texts, start=1))


# Kinds


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.csv", "problem\n1+1", "csv"),
        ("A.CSV.GZ", "problem\n1+1", "csv"),
        ("a.tsv", "id\tproblem\n7\t1+1", "csv"),
        ("a.jsonl", '{"problem": "1+1"}', "jsonl"),
        ("a.ndjson.gz", '{"problem": "1+1"}', "jsonl"),
        ("standard input", '\ufeff \n\n  {"problem": "1+1"}', "jsonl"),
        ("a.txt", "1+1", "lines"),
        ("csv", "1+1", "lines"),
        ("a.json", '{"problem": "1+1"}', "jsonl"),
    ],
)
def test_the_kind_follows_from_the_name_or_the_first_character(
    name: str, data: str, kind: str
) -> None:
    file = read(data, name=name)
    assert file.kind == kind
    assert only_problem(file).text == "1+1"


def test_a_line_may_begin_with_a_bracket() -> None:
    assert only_problem(read("[0, 1] has which length?")).text == "[0, 1] has which length?"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="xml"):
        read("1+1", "xml")


@pytest.mark.parametrize("kind", ["lines", "text"])
def test_a_field_of_a_text_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match="question"):
        read("1+1", kind, fields={"problem": "question"})


@pytest.mark.parametrize("kind", ["auto", "lines", "text", "jsonl", "csv"])
@pytest.mark.parametrize("data", ["", "\ufeff", "\n", " \r\n\t\n"])
def test_an_empty_file_has_no_rows(kind: str, data: str) -> None:
    assert read(data, kind, fields={"problem": "x"}).rows == ()


# Text


def test_lines_end_at_line_feeds_only() -> None:
    file = read("a\u2028b\x0bc\x0cd\x85e\n\n  2+2 \r\n\t\nlast\r", "lines")
    assert seen(file) == [(1, "a\u2028b\x0bc\x0cd\x85e"), (3, "2+2"), (5, "last")]
    assert file.blank == 2
    assert [row.id for row in file.rows] == ["1", "3", "5"]


def test_text_is_one_problem() -> None:
    problem = only_problem(read("\n\nLet x = 1.\r\n\r\nFind x.\n", "text"))
    assert problem == Problem("1", 1, "Let x = 1.\n\nFind x.")


def test_a_line_that_is_not_utf8_costs_no_other() -> None:
    file = read("3 × 4\n".encode() + b"caf\xe9\n2+2\n3+3")
    assert seen(file) == [(1, "3 × 4"), (2, "BAD"), (3, "2+2"), (4, "3+3")]
    row = file.rows[1]
    assert isinstance(row, BadRow)
    assert row.reason == "not UTF-8: byte 0xe9 at 4"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("lines", "1+\0001"),
        ("text", "1+\0001"),
        ("jsonl", '{"problem": "1+\0001"}'),
        ("jsonl", '{"problem": "1+\\u00001"}'),
        ("csv", "problem\n1+\0001"),
    ],
)
def test_a_nul_character_is_named(kind: str, data: str) -> None:
    assert "contains a NUL character" in only_reason(read(data, kind))


# gzip


@given(st.binary(), st.integers(1, 4))
def test_packed_in_members_or_not_is_the_same(data: bytes, members: int) -> None:
    data = b" " + data
    size = len(data) // members + 1
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    packed = b"".join(map(gzip.compress, parts))
    with suppress(UsageError):  # of an encoding that cannot be told
        assert read(data, "lines") == read(packed, "lines")
        assert read(data, "lines") == read(packed + bytes(512), "lines")


def test_a_small_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pfsolve.problems.source._MOST", 1 << 20)
    with pytest.raises(UsageError, match=r"p\.gz unpacks to more than"):
        read_problems(gzip.compress(b"\n" * (2 << 20)), name="p.gz")


def test_a_name_with_gz_alone_does_not_make_gzip() -> None:
    assert only_problem(read("1+1", name="a.txt.gz")).text == "1+1"


@given(st.integers(2, 400), st.data())
def test_a_truncated_gzip_file_gives_what_is_there(lines: int, data: st.DataObject) -> None:
    """One bad row stands for the rest; no problem is read that is not in the whole file."""
    whole = "".join(f"What is {number * 7919} + {number}?\n" for number in range(lines))
    packed = gzip.compress(whole.encode())
    cut = data.draw(st.integers(2, len(packed) - 1))
    file = read(packed[:cut])
    check(file)
    *good, torn = file.rows
    assert list(good) == list(read(whole).rows[: len(good)])
    assert isinstance(torn, BadRow)
    assert "gzip" in torn.reason
    assert torn.line == len(good) + 1


@given(st.data())
def test_a_damaged_gzip_file_is_reported(data: st.DataObject) -> None:
    """Except where the damage is to bits that carry nothing."""
    whole = gzip.compress(b"What is 1+1?\n" * 50 + bytes(range(128, 256)) * 20)
    packed = bytearray(whole)
    packed[data.draw(st.integers(10, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    file = read(bytes(packed), "lines")
    check(file)
    row = file.rows[-1]
    assert file == read(whole, "lines") or (isinstance(row, BadRow) and "gzip" in row.reason)


def test_a_wrong_checksum_is_reported_after_all_rows() -> None:
    packed = bytearray(gzip.compress(b"1+1\n2+2\n"))
    packed[-8] ^= 1
    assert seen(read(bytes(packed))) == [(1, "1+1"), (2, "2+2"), (3, "BAD")]


def test_all_before_the_damage_is_read() -> None:
    packer = zlib.compressobj(wbits=31)
    packed = packer.compress(b"1+1\n2+2\n3+") + packer.flush(zlib.Z_FULL_FLUSH) + b"\xff" * 99
    assert seen(read(packed)) == [(1, "1+1"), (2, "2+2"), (3, "BAD")]
    assert "gzip" in only_reason(read(packed, "text"))


def test_what_follows_the_gzip_data_is_reported() -> None:
    assert seen(read(gzip.compress(b"1+1\n") + b"garbage")) == [(1, "1+1"), (2, "BAD")]


def test_a_torn_record_of_several_lines_is_one_bad_row() -> None:
    """Its fragments must not be taken for problems."""
    packer = zlib.compressobj(wbits=31)
    data = b'problem\n1+1\n"Let x = 1.\nLet y = 2.\nFind'
    packed = packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
    assert seen(read(packed, "csv")) == [(2, "1+1"), (3, "BAD")]


# JSON Lines


@pytest.mark.parametrize(
    ("row", "answer"),
    [
        ('"answer": "7"', "7"),
        ('"answer": 7', "7"),
        ('"answer": -0.5', "-0.5"),
        ('"answer": null', None),
        ('"answer": " "', None),
        ('"expected": " 7 "', "7"),
        ('"answer": "7", "expected": "8"', "7"),
    ],
)
def test_the_known_answer_is_read_as_text(row: str, answer: str | None) -> None:
    assert only_problem(read(f'{{"problem": "1+1", {row}}}')).answer == answer


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ('"id": "a/7.json"', "a/7.json"),
        ('"id": 12345678901234567890', "12345678901234567890"),
        ('"unique_id": " u "', "u"),
        ('"id": 0, "unique_id": "u"', "0"),
        ('"id": null', "1"),
        ('"id": " "', "1"),
        ('"x": 1', "1"),
        ('"id": 7.0', "7"),
        ('"id": 1.5', "1"),
        ('"id": ["a", 4]', "1"),
        ('"id": true', "1"),
        ('"id": {"a": 1}, "unique_id": "u"', "u"),
        ('"id": "a\\nb"', "1"),
        ('"id": "\\ud800"', "1"),
        (f'"id": "{"x" * 201}"', "1"),
        (f'"id": "{"x" * 200}"', "x" * 200),
    ],
)
def test_the_id_is_read_or_else_is_the_line(row: str, name: str) -> None:
    assert only_problem(read(f'{{"problem": "1+1", {row}}}')).id == name


def test_the_first_usual_name_that_is_present_holds_the_problem() -> None:
    assert only_problem(read('{"prompt": "a", "question": "b"}')).text == "b"


def test_fields_named_by_the_user_are_read() -> None:
    data = '{"problem": "no", "q": "1+1", "gold": 2, "id": "no", "uid": "u"}'
    names = {"problem": "q", "answer": "gold", "id": "uid"}
    assert only_problem(read(data, fields=names)) == Problem("u", 1, "1+1", "2")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "[1, 2] is no JSON object"),
        ("17", "17 is no JSON object"),
        ("null", "null is no JSON object"),
        ('{"problem": "a"', "no JSON: Expecting ',' delimiter at column 16, the end"),
        ('{"problem": a}', "no JSON: Expecting value at column 13, 'a}'"),
        ('{"problem": "a', "no JSON: Unterminated string starting at column 13, '\"a'"),
        ("{}", 'no field "problem": the object is empty'),
        ('{"a": 1, "b": 2}', 'no field "problem"; the fields are a, b (see --field)'),
        ('{"problem": " "}', "the problem is empty"),
        ('{"problem": ["a"]}', "field \"problem\" is ['a'], which is no text"),
        ('{"problem": "\\ud800"}', "the problem contains half a character, the lone surrogate U+D800"),
        ('{"problem": ' + "9" * 5000 + "}", 'field "problem" is inf, which is no text'),
        ('{"problem": null}', 'no field "problem"; the fields are problem (see --field)'),
        ('{"problem": ' + "[" * 200_000 + "}", "it is nested too deeply"),
        ('{"problem": "a", "x": ' + '{"x":' * 200_000 + "}", "it is nested too deeply"),
    ],
)  # fmt: skip
def test_a_bad_object_says_what_is_wrong_and_costs_no_other(line: str, reason: str) -> None:
    file = read(f'{{"problem": "1+1"}}\n{line}\n{{"problem": "2+2"}}', "jsonl")
    check(file)
    assert seen(file) == [(1, "1+1"), (2, "BAD"), (3, "2+2")]
    row = file.rows[1]
    assert isinstance(row, BadRow)
    assert row.reason == reason


def test_an_answer_field_named_by_the_user_must_be_somewhere() -> None:
    fields = {"answer": "gold"}
    with pytest.raises(
        UsageError, match="no field or column 'gold'; the fields are problem, answer"
    ):
        read('{"problem": "a", "answer": "7"}', fields=fields)
    assert only_problem(read('{"problem": "a", "gold": null}', fields=fields))
    file = read('{"problem": "a", "gold": 7}\n{"problem": "b"}', fields=fields)
    assert [row.answer for row in file.rows if isinstance(row, Problem)] == ["7", None]


def test_many_or_strange_fields_fit_on_a_line() -> None:
    row = {f"a\n{number}" + "x" * number: 1 for number in range(500)}
    file = read(json.dumps({**row, "problem": None}), "jsonl")
    check(file)
    assert "..." in only_reason(file)
    with pytest.raises(UsageError, match=r"no field or column 'problem'; the fields are .*\.\.\."):
        read(json.dumps(row), "jsonl")


# CSV


def test_a_table_is_read_by_its_header() -> None:
    file = read(
        "\ufeffUnique_ID, Question ,Expected\r\n"
        'u1,"Let x = 1,\r\ny = 2.\r\n\r\nFind ""x""+y.",3\r\n'
        "\r\n"
        ",1+1,\r\n",
        name="a.csv",
    )
    assert file.rows == (
        Problem("u1", 2, 'Let x = 1,\ny = 2.\n\nFind "x"+y.', "3"),
        Problem("7", 7, "1+1", None),
    )
    assert file.blank == 1


def test_columns_named_by_the_user_are_exact() -> None:
    data = "Q,q,problem,gold\n1,1+1,no,2"
    names = {"problem": "q", "answer": "gold", "id": "Q"}
    assert only_problem(read(data, "csv", fields=names)) == Problem("1", 2, "1+1", "2")
    with pytest.raises(UsageError, match="'GOLD'") as caught:
        read(data, "csv", fields={"answer": "GOLD"})
    assert caught.value.hint is not None
    assert "--field answer=NAME" in caught.value.hint


def test_tabs_delimit_a_tsv_and_empty_cells_at_its_ends_count() -> None:
    file = read("id\tproblem\tanswer\n\t1,1+1\t\n\t2,2\t4\n", name="a.tsv")
    assert file.rows == (Problem("2", 2, "1,1+1"), Problem("3", 3, "2,2", "4"))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("1,2+2,4\n2,3+3,6", "no field or column 'problem'; the fields are 1, 2+2, 4"),
        ('"problem\n1+1', "no header that can be read: a quote is opened"),
        (b"problem,\xff\n\xc3\xa9,2\n1,1\n2,2", "no header that can be read"),
    ],
)
def test_a_table_without_a_usable_header_is_refused(data: str | bytes, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(data, "csv", "a.csv")
    assert message in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    "row",
    [
        b"a,1,1",
        b"a",
        b"a,",
        b'a,"never closed',
        b'"a,1+1',
        b'a,"1 + "1" + 1"',
        b'"""a,1',
        b"a,caf\xe9",
        b"a,b\rc",
        b"a,\0",
    ],
)
def test_a_bad_record_costs_no_other(row: bytes) -> None:
    file = read(b'id,problem\nx,\xc3\x97\n%b\ny,"2+2"\nz,3+3' % row, "csv")
    check(file)
    assert seen(file) == [(2, "×"), (3, "BAD"), (4, "2+2"), (5, "3+3")]


def test_invalid_text_within_a_record_of_several_lines_is_one_bad_row() -> None:
    data = b'problem\n"a\n\xff\nb"\n\xc3\x97'
    assert seen(read(data, "csv")) == [(2, "BAD"), (5, "×")]


def test_the_length_of_cells_for_others_is_as_before() -> None:
    before = csv.field_size_limit(200_003)
    try:
        with pytest.raises(UsageError):
            read("x", "csv")
        assert csv.field_size_limit() == 200_003
        text = only_problem(read("problem\n" + "x" * 1_000_000, "csv")).text
        assert len(text) == 1_000_000
        assert csv.field_size_limit() == 200_003
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize(
    "line",
    [b'x","y', b'"""x', b'a,"', b'"', b'"a""', b',"",""",', b'"a', b'a"', b'""x', b'","' * 9],
)
def test_many_open_quotes_take_linear_time(line: bytes) -> None:
    """Each of these could swallow the rest of the file, from each line anew."""
    data = b"problem\n" + (line + b"\n") * 15_000 + b"1+1\n"
    began = time.process_time()
    file = read(data, "csv")
    assert time.process_time() - began < 10  # a quadratic reader takes a minute
    assert len(file.rows) > 7_000
    check(file)


@pytest.mark.parametrize("kind", ["lines", "jsonl", "csv"])
def test_long_lines_are_problems(kind: str) -> None:
    text = "x" * 1_000_000
    rows = [json.dumps({"problem": text}) if kind == "jsonl" else text] * 3
    data = "\n".join((["problem"] if kind == "csv" else []) + rows)
    assert [row.text for row in read(data, kind).rows if isinstance(row, Problem)] == [text] * 3


# Ids


def ids(*given: str) -> list[str]:
    rows = "\n".join(json.dumps({"problem": "a", "id": name}) for name in given)
    return [row.id for row in read(rows, "jsonl").rows]


def test_duplicate_ids_are_numbered() -> None:
    assert ids("a", "a", " a", "b", "a") == ["a", "a#2", "a#3", "b", "a#4"]
    assert ids("a", "a#2", "a", "a") == ["a", "a#2", "a#3", "a#4"]
    assert ids("a", "a", "a#2") == ["a", "a#2", "a#2#2"]


def test_the_id_of_a_bad_row_is_its_line_and_unique() -> None:
    file = read('{"problem": "a", "id": 2}\nnonsense\n{"problem": "b", "id": "2"}', "jsonl")
    assert [row.id for row in file.rows] == ["2", "2#2", "2#3"]


@given(st.lists(st.sampled_from(["a", "a#2", "a#3", "a#2#2", "", "3", "5#2"])))
def test_ids_are_unique_and_later_rows_do_not_change_them(given: list[str]) -> None:
    found = ids(*given)
    assert len(set(found)) == len(found) == len(given)
    assert ids(*given[: len(given) // 2]) == found[: len(given) // 2]


def test_many_duplicates_take_linear_time() -> None:
    began = time.process_time()
    names = [f"a#{number}" for number in range(2, 20_000)] + ["a"] * 20_000
    assert len(set(ids(*names))) == len(names)
    assert time.process_time() - began < 10


# How a file was read, in a line


@pytest.mark.parametrize(
    ("data", "kind", "description"),
    [
        (
            '{"problem": "a"}\n{"problem": "b", "x": 1}',
            "auto",
            "2 problems in JSON; problem from problem; no answer found in the fields problem, x, so none is "
            "graded",
        ),
        (
            '{"Body": "a", "Question": "b", "ID": 1, "ans": 2}\n{"question": "b", "answer": {}}',
            "auto",
            "2 problems in JSON; problem from Body + Question + question, answer from ans, id from ID; "
            "1 to be graded; 1 answer of an unknown form",
        ),
        (
            '{"problem": "\\frac12", "answer": 1}',
            "auto",
            "1 problem in JSON; problem from problem, answer from answer; 1 to be graded; single backslashes "
            "doubled in 1 row",
        ),
        ("a\n\n\nb\n\n", "auto", "2 problems, one a line, 3 blank lines skipped"),
        ("a\n\nb", "text", "1 problem, the whole text"),
        ("1\n2", "jsonl", "0 problems in JSON, 2 malformed rows"),
        (
            "problem,answer\na,1\n\nb\nd,\n",
            "csv",
            "2 problems in CSV, 1 malformed row, 1 blank line skipped; problem from problem, answer from "
            "answer; 1 to be graded",
        ),
    ],
)
def test_a_line_says_how_the_file_was_read(data: str, kind: str, description: str) -> None:
    assert read(data, kind).describe() == description
