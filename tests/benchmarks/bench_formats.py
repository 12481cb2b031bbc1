"""Which number format of the 135M is fastest, and what each costs in quality.

    .venv/bin/python tests/benchmarks/bench_formats.py GGUF JSONL [--formats Q4_0 Q8_0 …] [--rounds 5]

Speed: decode and prefill as llama.cpp reports them, 2 threads, one request at a time; the formats take turns
and the best round counts, since other work on the machine only ever slows a round down.

Quality: the negative log-likelihood of English text (the `answer` fields of a JSON-lines file), the
Kullback-Leibler divergence of each format's next-token distribution from the source file's and how often both
have the same likeliest token, computed with torch in fp32 from the dequantized weights. So it is the cost of
rounding the weights a second time, with the *source file* as the reference: where that is itself 4-bit, a
wider format can equal it, not better it. How llama.cpp rounds activations is left out.

What it printed is kept in results/formats.md.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from agentkit.models.requantize import FORMATS, requantize

WINDOW = 512
"""Tokens of one prompt, and of one window of text."""


class Speed(NamedTuple):
    """Tokens a second."""

    decode: float
    prefill: float


class Quality(NamedTuple):
    """Means over the tokens of the text; natural logarithms."""

    nll: float
    divergence: float
    same_top: float


class Engine:
    """One file in llama.cpp, in this process."""

    def __init__(self, path: Path) -> None:
        import xllamacpp

        engine: Any = xllamacpp
        params: Any = engine.CommonParams()
        params.model.path = str(path)
        params.n_ctx, params.n_parallel, params.verbosity = 2048, 1, -1
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 2
        params.api_keys = ["benchmark"]
        self.server: Any = engine.Server(params)

    def tokens(self, text: str) -> list[int]:
        import httpx

        headers = {"Authorization": "Bearer benchmark"}
        reply = httpx.post(f"{self.server.listening_address}/tokenize", json={"content": text}, headers=headers)
        return reply.raise_for_status().json()["tokens"]

    def speed(self, prompt: list[int]) -> Speed:
        request = {"prompt": prompt, "n_predict": 96, "temperature": 0, "ignore_eos": True, "cache_prompt": False}
        timings = self.server.handle_completions(request)["timings"]
        return Speed(timings["predicted_per_second"], timings["prompt_per_second"])


def _torch() -> Any:
    import torch

    return torch


def torch_model(path: Path) -> Any:
    """The weights of a llama-type GGUF file, dequantized into transformers' class."""
    import gguf
    import numpy
    import transformers
    from gguf.quants import dequantize

    reader: Any = gguf.GGUFReader(path)
    torch = _torch()

    def value(key: str) -> Any:
        return reader.get_field(key).contents()

    config = transformers.LlamaConfig(
        vocab_size=value("llama.vocab_size"),
        hidden_size=value("llama.embedding_length"),
        intermediate_size=value("llama.feed_forward_length"),
        num_hidden_layers=value("llama.block_count"),
        num_attention_heads=value("llama.attention.head_count"),
        num_key_value_heads=value("llama.attention.head_count_kv"),
        rms_norm_eps=value("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": value("llama.rope.freq_base")},
        max_position_embeddings=value("llama.context_length"),
        tie_word_embeddings=True,
    )
    names: dict[str, str] = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}
    parts = {
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
        "attn_norm": "input_layernorm",
        "ffn_norm": "post_attention_layernorm",
    }
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    state: dict[str, Any] = {}
    for tensor in reader.tensors:
        stem = tensor.name.removesuffix(".weight")
        weights: Any = dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if stem in names:
            state[f"{names[stem]}.weight"] = torch.from_numpy(weights.copy())
            continue
        _, layer, part = stem.split(".")
        if part in heads:  # GGUF interleaves the halves that the rotary embedding pairs
            n, rows = heads[part], weights.shape[0]
            weights = weights.reshape(n, rows // n // 2, 2, -1).swapaxes(1, 2).reshape(weights.shape)
        state[f"model.layers.{layer}.{parts[part]}.weight"] = torch.from_numpy(weights.copy())
    model: Any = transformers.LlamaForCausalLM(config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or missing != ["lm_head.weight"]:
        raise SystemExit(f"{path}: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return model.eval()


def logits(path: Path, windows: Sequence[list[int]]) -> Any:
    import torch

    model = torch_model(path)
    with torch.inference_mode():
        return [torch.log_softmax(model(torch.tensor([w])).logits[0, :-1], -1) for w in windows]


def quality(logprobs: Any, reference: Any, windows: Sequence[list[int]]) -> Quality:
    import torch

    nll, divergence, same, count = 0.0, 0.0, 0, 0
    for ours, theirs, window in zip(logprobs, reference, windows, strict=True):
        targets = torch.tensor(window[1:]).unsqueeze(-1)
        nll -= float(ours.gather(-1, targets).sum())
        divergence += float((theirs.exp() * (theirs - ours)).sum())
        same += int((ours.argmax(-1) == theirs.argmax(-1)).sum())
        count += len(window) - 1
    return Quality(nll / count, divergence / count, same / count)


def main() -> None:
    import torch

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("text", type=Path)
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=["Q4_0", "Q5_0", "Q8_0", "F16"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--windows", type=int, default=8)
    given = parser.parse_args()
    torch.set_num_threads(2)
    text = "\n\n".join(json.loads(line)["answer"] for line in given.text.read_text().splitlines()[:100])
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Path] = {"source": given.source}
        for name in given.formats:
            files[name] = requantize(given.source, Path(folder) / f"{name}.gguf", name)
        engines = {name: Engine(path) for name, path in files.items()}
        tokens = engines["source"].tokens(text)
        windows = [tokens[i * WINDOW : (i + 1) * WINDOW] for i in range(given.windows)]
        speeds: dict[str, list[Speed]] = {name: [] for name in files}
        for turn in range(given.rounds):
            for name, engine in engines.items():
                speeds[name].append(engine.speed(windows[turn % len(windows)]))
                time.sleep(0.2)  # let the engine's spinning threads go idle before the next one's turn
        engines.clear()
        reference = logits(given.source, windows)
        print(f"{len(windows) * (WINDOW - 1)} tokens of {given.text.name}, best of {given.rounds} rounds\n")
        print("| format | MB | decode tok/s | prefill tok/s | NLL | perplexity | KL from source | same top token |")
        print("|---|---|---|---|---|---|---|---|")
        for name, path in files.items():
            q = quality(reference if name == "source" else logits(path, windows), reference, windows)
            best = Speed(max(s.decode for s in speeds[name]), max(s.prefill for s in speeds[name]))
            print(
                f"| {name} | {path.stat().st_size / 1e6:.0f} | {best.decode:.0f} | {best.prefill:.0f} | {q.nll:.4f} "
                f"| {torch.tensor(q.nll).exp():.2f} | {q.divergence:.4f} | {q.same_top:.1%} |"
            )


if __name__ == "__main__":
    main()
