"""A GGUF taken apart, so that a test can put it together wrongly."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path

from tests.rewards.prm.tiny_llama import write_tiny_llama

U32, F32, STRING, ARRAY = 4, 6, 8, 9
_BYTES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
TEMPLATE = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"


def text(value: str | bytes, length: int | None = None) -> bytes:
    """A string, which may lie about its length."""
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(data) if length is None else length) + data


def array(kind: int, count: int, data: bytes = b"") -> bytes:
    """An array, which may lie about its count."""
    return struct.pack("<IQ", kind, count) + data


def u32(value: int) -> tuple[int, bytes]:
    return U32, struct.pack("<I", value)


def string(value: str | bytes) -> tuple[int, bytes]:
    return STRING, text(value)


@dataclass
class Info:
    """What the header says of a tensor."""

    dims: list[int]
    kind: int
    offset: int


@dataclass
class Parts:
    """What a file consists of; the counts are those of `fields` and `infos` where they are None."""

    fields: dict[str, tuple[int, bytes]]  # by key: type and bytes
    infos: dict[str, Info]
    data: bytes
    version: int = 3
    magic: bytes = b"GGUF"
    n_fields: int | None = None
    n_infos: int | None = None
    n_dims: dict[str, int] = field(default_factory=dict)  # by tensor, where it is a lie

    def header(self) -> bytes:
        infos, fields = self.infos, self.fields
        written = [
            self.magic,
            struct.pack(
                "<IQQ",
                self.version,
                len(infos) if self.n_infos is None else self.n_infos,
                len(fields) if self.n_fields is None else self.n_fields,
            ),
        ]
        for key, (kind, value) in fields.items():
            written += [text(key), struct.pack("<I", kind), value]
        for name, info in infos.items():
            dims = struct.pack(f"<{len(info.dims)}Q", *info.dims)
            count = struct.pack("<I", self.n_dims.get(name, len(info.dims)))
            written += [text(name), count, dims, struct.pack("<IQ", info.kind, info.offset)]
        return b"".join(written)

    def bytes(self) -> bytes:
        header = self.header()
        return header + bytes(-len(header) % 32) + self.data


def tiny(folder: Path) -> Parts:
    """A whole tiny model, with a chat template."""
    path = folder / "whole.gguf"
    write_tiny_llama(path)
    raw = path.read_bytes()
    n_infos, n_fields = struct.unpack_from("<QQ", raw, 8)
    at, fields, infos = 24, {}, {}

    def taken(size: int) -> bytes:
        nonlocal at
        at += size
        return raw[at - size : at]

    def number(form: str) -> int:
        value: int = struct.unpack("<" + form, taken(struct.calcsize(form)))[0]
        return value

    def value(kind: int) -> bytes:
        start = at
        if kind == STRING:
            taken(number("Q"))
        elif kind == ARRAY:
            inner, count = number("I"), number("Q")
            for _ in range(count):
                value(inner)
        else:
            taken(_BYTES[kind])
        return raw[start:at]

    for _ in range(n_fields):
        key, kind = taken(number("Q")).decode(), number("I")
        fields[key] = (kind, value(kind))
    for _ in range(n_infos):
        name, dims = taken(number("Q")).decode(), [0] * number("I")
        dims = [number("Q") for _ in dims]
        infos[name] = Info(dims, number("I"), number("Q"))
    fields["tokenizer.chat_template"] = string(TEMPLATE)
    return Parts(fields, infos, raw[at + -at % 32 :])
