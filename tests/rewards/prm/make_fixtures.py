"""Makes tests/rewards/prm/fixtures: a tiny random checkpoint of each kind of process reward model.

Beside each it writes scores of a few solutions by transformers and torch, read as the makers of the
published model read theirs. Run by hand where they are installed, which the tests themselves need not:

    python tests/rewards/prm/make_fixtures.py

Each checkpoint has the layout of a published one:
  logits  RLHFlow: the logits of two tokens, in chat turns
  linear  HuggingFaceH4: a linear head with two labels, at the blank line after each step
  mlp     Qwen2.5-Math-PRM: a head of two layers, at a token of its own after each step
  value   Skywork: a linear head with one value, line by line; a file of torch's own format
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from torch import nn
from transformers import Qwen2Config, Qwen2Model

FIXTURES = Path(__file__).parent / "fixtures"
SEED = 20250207
HIDDEN, WORDS, ROWS = 64, 330, 352  # the embedding has rows that no token has, as Qwen2's own does

# Of the last layer's weights. A 16-bit model is right to 0.5 % or so of what scores differ by; the
# tests hold it to an absolute figure, so this sets what that is worth.
LAST = 0.15

SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<extra_0>",
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)
# How Qwen2 splits text into words.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."
SYSTEM_LLAMA = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"

SOLUTIONS = (
    (
        "Tom has 3 boxes of 12 pens and gives away 7. How many pens are left?",
        (
            "Tom begins with 3 × 12 = 36 pens.",
            "He gives away 7 pens:\n36 - 7 = 29.",
            "So the answer is $\\boxed{29}$.",
        ),
    ),
    (
        "What is $\\sqrt{x^2}$ for real $x$, if $x < 0$?",
        (
            "The square root is never negative; hence $\\sqrt{x^2} = |x|$.",
            "Since $x < 0$, we have $|x| = -x$ …",
            "Step 3: check.\n\n- $x = -2$ gives $2$\n- $x = -5$ gives $5$",
            "\\boxed{-x}",
        ),
    ),
    ("1+1=?", ("The answer is 3.",)),
)


def make_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    corpus = [
        text for problem, steps in SOLUTIONS for text in (problem, "\n\n".join(steps), SYSTEM)
    ]
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(corpus * 3, trainer)
    assert tokenizer.get_vocab_size() == WORDS
    tokenizer.add_special_tokens(list(SPECIAL))
    return tokenizer


def make_model(generator: torch.Generator, dtype: torch.dtype) -> Qwen2Model:
    """A model whose hidden states depend visibly on every part of it."""
    config = Qwen2Config(
        vocab_size=ROWS,
        hidden_size=HIDDEN,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        rms_norm_eps=1e-5,
        attn_implementation="eager",
    )
    model = Qwen2Model(config).eval()
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "norm" in name:
            noise = 1 + 0.2 * noise
        elif weight.ndim == 2 and "embed" not in name:
            noise /= weight.shape[1] ** 0.5
        else:
            noise *= 0.3
        weight.data = noise.to(dtype).float()  # as it will lie in the file
    return model


def make_layers(
    generator: torch.Generator, dtype: torch.dtype, names: tuple[str, ...], outputs: int, bias: bool
) -> dict[str, torch.Tensor]:
    tensors = {}
    for name in names:
        high = outputs if name == names[-1] else HIDDEN
        weight = torch.randn((high, HIDDEN), generator=generator) / HIDDEN**0.5
        if name == names[-1]:
            weight *= LAST
        tensors[f"{name}.weight"] = weight.to(dtype).float()
        if bias:
            tensors[f"{name}.bias"] = torch.randn(high, generator=generator).to(dtype).float()
    return tensors


def apply(layers: dict[str, torch.Tensor], state: torch.Tensor) -> torch.Tensor:
    names = [name.removesuffix(".weight") for name in layers if name.endswith(".weight")]
    for number, name in enumerate(names):
        state = nn.functional.linear(
            nn.functional.relu(state) if number else state,
            layers[f"{name}.weight"],
            layers.get(f"{name}.bias"),
        )
    return state


# What each kind reads, as its makers' code puts it together: the whole text at once, with the
# tokenizer's own control tokens, except where they tokenise in parts themselves.


def read_logits(tokenizer: Tokenizer, problem: str, steps: tuple[str, ...]) -> list[int]:
    def turn(role: str, text: str) -> str:
        return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"

    chat = "<|begin_of_text|>" + turn("system", SYSTEM_LLAMA)
    for number, step in enumerate(steps):
        chat += turn("user", step if number else f"{problem} {step}")
        chat += turn("assistant", "+")
    return tokenizer.encode(chat).ids[:-2]  # the verdict is what comes before "+<|eot_id|>"


def read_linear(tokenizer: Tokenizer, problem: str, steps: tuple[str, ...]) -> list[int]:
    return tokenizer.encode("\n\n".join((problem, *steps)) + "\n\n").ids


def read_mlp(tokenizer: Tokenizer, problem: str, steps: tuple[str, ...]) -> list[int]:
    chat = (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n{problem}<|im_end|>\n"
        f"<|im_start|>assistant\n{''.join(step + '<extra_0>' for step in steps)}<|im_end|>\n"
    )
    return tokenizer.encode(chat).ids[:-2]


def read_value(tokenizer: Tokenizer, problem: str, steps: tuple[str, ...]) -> list[int]:
    tokens = tokenizer.encode(f"<|endoftext|>{problem}\n").ids
    for line in "\n".join(steps).split("\n"):
        if line:
            tokens += [*tokenizer.encode(line).ids, *tokenizer.encode("\n").ids]
    return tokens


# By kind: the architecture of the published model, how it reads, its head's layers and their outputs.
LAYOUTS = {
    "logits": ("Qwen2ForCausalLM", read_logits, (), 0),
    "linear": ("Qwen2ForTokenClassification", read_linear, ("score",), 2),
    "mlp": ("Qwen2ForProcessRewardModel", read_mlp, ("score.0", "score.2"), 2),
    "value": ("Qwen2ForPrmModel", read_value, ("v_head.summary",), 1),
}


def make(kind: str) -> None:
    architecture, read, names, outputs = LAYOUTS[kind]
    tokenizer = make_tokenizer()
    generator = torch.Generator().manual_seed(SEED + len(kind))
    dtype = torch.float16 if kind == "value" else torch.bfloat16
    model = make_model(generator, dtype)
    output = make_layers(generator, dtype, ("lm_head",), ROWS, bias=False)
    head = make_layers(generator, dtype, names, outputs, bias=True) if names else {}
    marker = {"mlp": tokenizer.token_to_id("<extra_0>"), "value": tokenizer.encode("\n").ids[0]}
    plus, minus = tokenizer.encode("+").ids[0], tokenizer.encode("-").ids[0]

    def log_odds(ids: list[int]) -> float:
        with torch.no_grad():
            state = model(torch.tensor([ids])).last_hidden_state[0, -1]
            values = apply(head or output, state)
        if kind == "logits":
            values = values[[minus, plus]]
        return float(values[-1] - values[0]) if len(values) > 1 else float(values)

    solutions = []
    for problem, steps in SOLUTIONS:
        tokens = [read(tokenizer, problem, steps[: n + 1]) for n in range(len(steps))]
        scores = [log_odds(ids) for ids in tokens]
        solutions.append({"problem": problem, "steps": steps, "tokens": tokens, "log_odds": scores})
    spec = {"positive": plus, "negative": minus} if kind == "logits" else {"head": list(names)}
    if kind in marker:
        spec["marker"] = marker[kind]

    folder = FIXTURES / kind
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    weights = {f"model.{name}": weight for name, weight in model.named_parameters()} | head
    if kind in ("logits", "value"):  # the others are published without
        weights |= output
    weights = {name: weight.detach().to(dtype).contiguous() for name, weight in weights.items()}
    if kind == "value":
        torch.save(weights, folder / "pytorch_model.bin")
    else:
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write(folder / "tokenizer_config.json", {"eos_token": "<|endoftext|>", "bos_token": None})
    write(folder / "config.json", published(model.config, architecture))
    for file in folder.iterdir():
        file.chmod(0o644)
    write(folder / "scores.json", {"spec": spec, "solutions": solutions})


def published(config: Qwen2Config, architecture: str) -> dict[str, object]:
    """config.json with the keys that the published checkpoints have."""
    return {
        "architectures": [architecture],
        "hidden_act": "silu",
        "hidden_size": config.hidden_size,
        "intermediate_size": config.intermediate_size,
        "max_position_embeddings": config.max_position_embeddings,
        "model_type": "qwen2",
        "num_attention_heads": config.num_attention_heads,
        "num_hidden_layers": config.num_hidden_layers,
        "num_key_value_heads": config.num_key_value_heads,
        "rms_norm_eps": config.rms_norm_eps,
        "rope_theta": 10000.0,
        "sliding_window": 4096,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        "vocab_size": config.vocab_size,
    }


def write(file: Path, value: object) -> None:
    file.write_text(json.dumps(value, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    for kind in LAYOUTS:
        make(kind)
