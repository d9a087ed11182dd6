"""The GGUF being made: 16-bit floats, written from front to back, resumed after an interruption.

<work>/f16.gguf       a header, and as many tensors as are there
<work>/progress.json  what it is made of, and the number of its bytes that are sure to be good

The tensors come in the order of the checkpoint's files, so nothing is ever written twice, and the
number of bytes says what is still to come.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from pfsolve.convert.dimensions import Dimensions
from pfsolve.convert.family import Family
from pfsolve.convert.vocabulary import Vocabulary
from pfsolve.errors import ModelFileError
from pfsolve.files import dumps, flush, write_text
from pfsolve.models.safetensors import Tensor, read_blocks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

ALIGNMENT = 32  # bytes, GGUF's default


@dataclass(frozen=True)
class Piece:
    """One tensor of the GGUF.

    name: its name there.
    tensor: the checkpoint's, from which it is made.
    """

    name: str
    tensor: Tensor

    @property
    def dtype(self) -> DTypeLike:
        """16-bit floats for matrices, exact ones for norms and biases, which llama.cpp keeps so."""
        return "<f2" if len(self.tensor.shape) > 1 else "<f4"

    @property
    def bytes(self) -> int:
        """Bytes of the numbers, without the padding that follows them."""
        return self.tensor.count * (2 if len(self.tensor.shape) > 1 else 4)

    @property
    def room(self) -> int:
        """Bytes of the numbers and their padding."""
        return -(-self.bytes // ALIGNMENT) * ALIGNMENT


class GgufFile:
    """A GGUF that grows.

    Args:
        work: the folder where it is kept.
        header: all that comes before the first tensor, from `header_bytes`.
        state: a fingerprint of the checkpoint; a draft made from another one is thrown away.
    """

    def __init__(self, work: Path, header: bytes, state: str) -> None:
        self.path = work / "f16.gguf"
        self._progress = work / "progress.json"
        self._header = header
        self._made_of = hashlib.sha256(header + state.encode()).hexdigest()
        self.size = self._resume()

    def add(self, file: BinaryIO, piece: Piece) -> None:
        """Append a tensor, read from a file of the checkpoint.

        Raises:
            ModelFileError: it has values that a 16-bit float cannot hold, or the file is cut short.
        """
        with self.path.open("ab") as draft:
            for block in read_blocks(file, piece.tensor):
                draft.write(_converted(block, piece).tobytes())
            draft.write(bytes(piece.room - piece.bytes))

    def commit(self) -> None:
        """Note what is there as good; a power cut then loses none of it."""
        flush(self.path)
        self.size = self.path.stat().st_size
        write_text(self._progress, dumps({"made_of": self._made_of, "good": self.size}))

    def _resume(self) -> int:
        """Cut the draft back to what is sure to be good, or begin it; returns its size in bytes."""
        try:
            progress = json.loads(self._progress.read_text(encoding="utf-8"))
            good = progress["good"] if progress["made_of"] == self._made_of else 0
            if good and self.path.stat().st_size >= good:
                os.truncate(self.path, good)
                return int(good)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is no draft, or no note of it
        self._progress.unlink(missing_ok=True)
        self.path.write_bytes(self._header)
        return len(self._header)


def header_bytes(
    family: Family,
    dimensions: Dimensions,
    vocabulary: Vocabulary,
    pieces: Iterable[Piece],
    *,
    name: str,
    url: str | None,
    scratch: Path,
) -> bytes:
    """The beginning of a GGUF: hyperparameters, vocabulary, and the list of tensors.

    Args:
        pieces: the tensors, in the order in which they will follow.
        name: the model's.
        url: of the checkpoint; None where it has none.
        scratch: a path to write to for a moment.
    """
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(scratch, family.architecture)
    writer.add_type("model")
    writer.add_name(name)
    if url:
        writer.add_source_url(url)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    writer.add_block_count(dimensions.layers)
    writer.add_context_length(dimensions.context)
    writer.add_embedding_length(dimensions.hidden)
    writer.add_feed_forward_length(dimensions.feed_forward)
    writer.add_head_count(dimensions.heads)
    writer.add_head_count_kv(dimensions.kv_heads)
    writer.add_layer_norm_rms_eps(dimensions.norm_epsilon)
    writer.add_rope_freq_base(dimensions.rope_theta)
    writer.add_vocab_size(dimensions.vocabulary)
    writer.add_tokenizer_model("gpt2")  # byte-level BPE
    writer.add_tokenizer_pre(family.pre_tokenizer)
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    for which, number in vocabulary.special.items():
        getattr(writer, f"add_{which}_token_id")(number)
    writer.add_add_bos_token(vocabulary.adds_bos)
    for piece in pieces:
        dtype = np.dtype(piece.dtype)
        writer.add_tensor_info(piece.name, piece.tensor.shape, dtype, piece.bytes)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        writer.close()
        data = scratch.read_bytes()
    finally:
        writer.close()
        scratch.unlink(missing_ok=True)
    return data + bytes(-len(data) % ALIGNMENT)


def _converted(block: NDArray[np.float32], piece: Piece) -> NDArray[np.floating]:
    import numpy as np

    with np.errstate(over="ignore"):
        converted = block.astype(piece.dtype)
    if not np.isfinite(converted).all():
        raise ModelFileError(
            f"{piece.tensor.name} has values that a 16-bit float cannot hold",
            "the checkpoint may be damaged: fetch it again",
        )
    return converted
