"""GGUF files: what they say of their model, and the loaded model with its vocabulary.

llama.cpp ends the whole process when one of its assertions fails, so every argument is checked here
or in `cache` before it is passed on.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import llama_cpp as llama

from pfsolve.engine.backend import Device, devices, log, signals_held
from pfsolve.engine.header import check_magic, read_header, recurrent_architecture
from pfsolve.engine.pages import let_go
from pfsolve.engine.template import Rendered
from pfsolve.errors import ModelFileError, UsageError, named

_RECURRENT = (
    "some or all of its layers are recurrent, and their state cannot be shortened, so particles can "
    "neither share nor rewind it"
)

_THOUGHT_TAGS = (b"<think>", b"</think>")  # control tokens in some vocabularies, plain ones in most


class RecurrentModel(ModelFileError):
    """Some or all layers of a model are recurrent, so that particles cannot share its state."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What decides the memory that a model takes, known also of a file that is not on this disk."""

    name: str  # as errors call it
    file_bytes: int  # size of the file
    cell_bytes: int  # bytes of K and V of one token, in float16, over all layers
    context: int  # tokens it was trained on


@dataclass(frozen=True, slots=True)
class Facts:
    """What a GGUF file says of its model, read without loading the weights."""

    path: Path  # of the file
    architecture: str  # llama.cpp's name for the kind of model
    file_bytes: int  # size on disk
    layers: int  # number of transformer blocks
    embedding: int  # width of a hidden state
    context: int  # tokens it was trained on
    cell_bytes: int  # bytes of K and V of one token, in float16, over all layers
    head_sizes: tuple[int, int]  # numbers in a head of K, and in one of V
    # What its chat template makes of conversations, where that was found out in another process.
    rendered: Rendered | None = None

    @property
    def footprint(self) -> Footprint:
        return Footprint(self.path.name, self.file_bytes, self.cell_bytes, self.context)


def cell_bytes(float16: int, kv_type: str) -> int:
    """Bytes of a cell of this type, from those in float16: in q8_0 a scale and 32 numbers take 34."""
    return float16 * 34 // 64 if kv_type == "q8_0" else float16


def read_facts(path: Path) -> Facts:
    """What the header of a GGUF file says; whether llama.cpp can load the model is not tried.

    Raises:
        ModelMissing: there is no such file.
        ModelFileError: it is no GGUF, or its header is damaged.
        RecurrentModel: some or all of the model's layers are recurrent.
    """
    size = check_magic(path)
    header = read_header(path)
    architecture = str(header.get("general.architecture") or "unknown")
    if recurrent := recurrent_architecture(header):
        raise _unfit(path, recurrent, _RECURRENT, RecurrentModel)

    def number(key: str, default: int) -> int:
        value = header.get(f"{architecture}.{key}")
        return value if isinstance(value, int) and value >= 0 else default

    layers, embedding = number("block_count", 0), number("embedding_length", 0)
    heads = number("attention.head_count", 0)
    # The count may be an array, one entry a layer; that of heads is then the safe guess.
    kv_heads = number("attention.head_count_kv", heads)
    if not (layers and embedding and heads):
        raise _unfit(path, architecture, "its dimensions are missing")
    head = embedding // heads
    sizes = (number("attention.key_length", head), number("attention.value_length", head))
    return Facts(
        path=path,
        architecture=architecture,
        file_bytes=size,
        layers=layers,
        embedding=embedding,
        context=number("context_length", 0) or 4096,
        cell_bytes=2 * layers * kv_heads * sum(sizes),
        head_sizes=sizes,
    )


def inspect(path: Path) -> Facts:
    """What a file says, as `read_facts`, of which nothing is known beforehand: llama.cpp is asked too.

    Raises:
        ModelMissing, RecurrentModel: as `read_facts`.
        ModelFileError: it is no GGUF, is damaged or cut short, or its kind of model does not fit:
            an unknown architecture, or an encoder.
    """
    check_magic(path)
    try:
        handle = _load(path, vocab_only=True)
    except ModelFileError:
        # A newer llama.cpp, which the hint speaks of, would not help if this is the reason too.
        if recurrent := recurrent_architecture(read_header(path)):
            raise _unfit(path, recurrent, _RECURRENT, RecurrentModel) from None
        raise
    llama.llama_model_free(handle)
    return read_facts(path)


def _unfit(
    path: Path, architecture: str, why: str, kind: type[ModelFileError] = ModelFileError
) -> ModelFileError:
    return kind(
        f"{path.name} ({architecture}) cannot be used: {why}",
        "choose a transformer chat model; see pfsolve models list",
    )


def _load(path: Path, *, vocab_only: bool = False, gpu_layers: int = 0) -> Any:
    params = llama.llama_model_default_params()
    params.vocab_only = vocab_only
    params.n_gpu_layers = min(gpu_layers, 2**31 - 1)
    # gcc 12 drops the tile configuration of llama.cpp's AMX kernels, so that they end the process
    # (ggml-org/llama.cpp#26954). Only weights in an extra layout reach them: AMX builds get none.
    params.use_extra_bufts = b"AMX_INT8 = 1" not in llama.llama_print_system_info()
    log.clear()
    handle = None
    try:
        with signals_held() as waiting:
            go_on = llama.llama_progress_callback(lambda progress, _: not waiting())
            params.progress_callback = go_on
            handle = llama.llama_model_load_from_file(str(path).encode(), params)
    except BaseException:
        if handle:
            llama.llama_model_free(handle)
        raise
    if not handle:
        raise ModelFileError(
            f"llama.cpp cannot load {path}: {log.why()}",
            "pfsolve models verify tells whether a downloaded file is whole; otherwise a newer "
            "llama-cpp-python may know this model",
        )
    try:
        _check_kind(handle, path)
    except ModelFileError:
        llama.llama_model_free(handle)
        raise
    return handle


def _check_kind(handle: Any, path: Path) -> None:
    """Refuse a model that is no decoder-only transformer."""
    buffer = ctypes.create_string_buffer(256)
    llama.llama_model_meta_val_str(handle, b"general.architecture", buffer, len(buffer))
    architecture = buffer.value.decode("utf-8", errors="replace") or "unknown"
    if llama.llama_model_is_recurrent(handle) or llama.llama_model_is_hybrid(handle):
        raise _unfit(path, architecture, _RECURRENT, RecurrentModel)
    if llama.llama_model_has_encoder(handle) or not llama.llama_model_has_decoder(handle):
        raise _unfit(path, architecture, "it is no decoder-only language model")


def check_offload(gpu_layers: int | None) -> None:
    """Refuse layers on a GPU where this build has no support for one.

    Raises:
        UsageError: it has none.
    """
    if gpu_layers and not llama.llama_supports_gpu_offload():
        raise UsageError(
            f"{named('gpu_layers', gpu_layers)}: this build of llama-cpp-python has no GPU support",
            "leave it out, or install a CUDA or Metal wheel (see the README)",
        )


class LoadedModel:
    """A loaded model: weights, vocabulary, chat template. Close it, or use it in a `with`.

    Args:
        facts: of its file, from `inspect` or `read_facts`.
        gpu_layers: layers to offload; None for all when this build can offload, else none.

    Raises:
        UsageError: layers are to be offloaded and this build cannot.
        ModelFileError: llama.cpp cannot load the file.
    """

    def __init__(self, facts: Facts, gpu_layers: int | None = None) -> None:
        check_offload(gpu_layers)
        if gpu_layers is None:
            gpu_layers = -1 if llama.llama_supports_gpu_offload() else 0
        self.facts = facts
        self.offloaded = gpu_layers != 0
        self.handle = _load(facts.path, gpu_layers=gpu_layers)
        if not self.offloaded:
            let_go(facts.path)
        self._vocabulary = llama.llama_model_get_vocab(self.handle)
        self.n_vocab: int = llama.llama_vocab_n_tokens(self._vocabulary)
        self.n_embd: int = llama.llama_model_n_embd_out(self.handle)
        self._pieces: dict[int, bytes] = {}
        # Without one, as `no_vocab` has it, most questions to it end the process.
        kind = llama.llama_vocab_type(self._vocabulary)
        if self.n_vocab == 0 or kind == llama.LLAMA_VOCAB_TYPE_NONE:
            self.close()
            raise _unfit(facts.path, facts.architecture, "it has no vocabulary")
        self._spaced = kind == llama.LLAMA_VOCAB_TYPE_SPM

    def close(self) -> None:
        if self.handle is not None:
            llama.llama_model_free(self.handle)
            self.handle = None

    def __enter__(self) -> LoadedModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def device(self) -> Device:
        """Where the model's layers compute: the first GPU when any are offloaded, else the CPU."""
        available = devices()
        return available[0] if self.offloaded else available[-1]

    @property
    def chat_template(self) -> str | None:
        """The Jinja template of its chat format, None when the file has none."""
        template = llama.llama_model_chat_template(self.handle, None)
        return template.decode("utf-8", errors="replace") if template else None

    @property
    def bos(self) -> int | None:
        """Id of the token a text begins with, None when the vocabulary adds none."""
        if not llama.llama_vocab_get_add_bos(self._vocabulary):
            return None
        token: int = llama.llama_vocab_bos(self._vocabulary)
        return token if token >= 0 else None

    def special_text(self, which: str) -> str:
        """Text of the "bos" or "eos" token, empty where there is none."""
        token = getattr(llama, f"llama_vocab_{which}")(self._vocabulary)
        if token < 0:
            return ""
        text: bytes = llama.llama_vocab_get_text(self._vocabulary, token)
        return text.decode("utf-8", errors="replace")

    def tokenize(self, text: str, *, special: bool = False, continued: bool = False) -> list[int]:
        """Token ids of a text, without an opening token.

        With `special`, text such as "<|im_end|>" becomes the control token of that name; without, it
        stays plain text, as what a user wrote must. A SentencePiece vocabulary puts a space in front
        of a text, which one that is `continued` from other text must not have.
        """
        if continued and self._spaced:
            # No token goes past a line's end, so it can be put in front and taken off again.
            line_end = self._tokenize("\n", special)
            tokens = self._tokenize("\n" + text, special)
            if tokens[: len(line_end)] == line_end:
                return tokens[len(line_end) :]
        return self._tokenize(text, special)

    def _tokenize(self, text: str, special: bool) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 16
        while True:
            tokens = (llama.llama_token * room)()
            count: int = llama.llama_tokenize(
                self._vocabulary, data, len(data), tokens, room, False, special
            )
            if count >= 0:
                return list(tokens[:count])
            room = -count

    def piece(self, token: int) -> bytes:
        """Bytes of a token; empty for a control token, but one that begins or ends a thought."""
        known = self._pieces.get(token)
        if known is None:
            buffer = ctypes.create_string_buffer(64)
            length = llama.llama_token_to_piece(self._vocabulary, token, buffer, 64, 0, False)
            if length < 0:
                buffer = ctypes.create_string_buffer(-length)
                length = llama.llama_token_to_piece(
                    self._vocabulary, token, buffer, -length, 0, False
                )
            text: bytes = llama.llama_vocab_get_text(self._vocabulary, token)
            known = text if text in _THOUGHT_TAGS else buffer.raw[:length]
            self._pieces[token] = known
        return known

    def is_control(self, token: int) -> bool:
        """Whether a token is no text, such as "<|im_end|>"."""
        return bool(llama.llama_vocab_is_control(self._vocabulary, token))

    def is_end(self, token: int) -> bool:
        """Whether a token ends the generation."""
        return bool(llama.llama_vocab_is_eog(self._vocabulary, token))
