"""A tiny random model with a SentencePiece vocabulary, as Math-Shepherd has one, written as GGUF."""

from __future__ import annotations

from pathlib import Path

import numpy as np

# As in the vocabulary of Llama 2 and Mistral 7B: "▁" stands for a space, and bytes have tokens.
WORDS = ("▁▁", "Step", "▁Step", "St", "ep", "▁ки", "ки", "▁is", "is", "▁+", "▁-", "▁=")
LETTERS = "▁abcdefghiklmnopqrstuvwxyzSTW0123456789+-=.:?ки\\{}$"
TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *WORDS, *LETTERS)
PLUS, MINUS, MARKER = (TOKENS.index(word) for word in ("▁+", "▁-", "▁ки"))

HIDDEN, FEED_FORWARD, LAYERS, HEADS, CONTEXT = 64, 96, 2, 2, 1024


def write_tiny_llama(path: Path, seed: int = 0) -> None:
    import gguf

    rng = np.random.default_rng(seed)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(FEED_FORWARD)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([token.encode() for token in TOKENS])
    # Merges are made in the order of scores, so the whole words come before their parts.
    writer.add_token_scores([-float(number) for number in range(len(TOKENS))])
    byte, normal = gguf.TokenType.BYTE, gguf.TokenType.NORMAL
    special = [gguf.TokenType.UNKNOWN, gguf.TokenType.CONTROL, gguf.TokenType.CONTROL]
    writer.add_token_types(special + [byte] * 256 + [normal] * (len(TOKENS) - 259))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)

    def matrix(name: str, outputs: int, inputs: int, scale: float) -> None:
        values = scale * rng.standard_normal((outputs, inputs))
        writer.add_tensor(name, values.astype(np.float16))

    def norm(name: str) -> None:
        values = 1 + 0.2 * rng.standard_normal(HIDDEN)
        writer.add_tensor(name, values.astype(np.float32))

    matrix("token_embd.weight", len(TOKENS), HIDDEN, 0.3)
    matrix("output.weight", len(TOKENS), HIDDEN, 0.25 * HIDDEN**-0.5)
    norm("output_norm.weight")
    for layer in range(LAYERS):
        norm(f"blk.{layer}.attn_norm.weight")
        norm(f"blk.{layer}.ffn_norm.weight")
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            matrix(f"blk.{layer}.{part}.weight", HIDDEN, HIDDEN, HIDDEN**-0.5)
        matrix(f"blk.{layer}.ffn_gate.weight", FEED_FORWARD, HIDDEN, HIDDEN**-0.5)
        matrix(f"blk.{layer}.ffn_up.weight", FEED_FORWARD, HIDDEN, HIDDEN**-0.5)
        matrix(f"blk.{layer}.ffn_down.weight", HIDDEN, FEED_FORWARD, FEED_FORWARD**-0.5)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
