"""How a language model's weights and hyperparameters are called in GGUF and in a Hugging Face folder."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from agentkit.errors import ModelError
from agentkit.models.merge import rotated

_TOP: Mapping[str, str] = MappingProxyType(
    {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
)
_LAYER: Mapping[str, str] = MappingProxyType(
    {
        "attn_norm": "input_layernorm",
        "attn_q": "self_attn.q_proj",
        "attn_k": "self_attn.k_proj",
        "attn_v": "self_attn.v_proj",
        "attn_output": "self_attn.o_proj",
        "ffn_norm": "post_attention_layernorm",
        "ffn_gate": "mlp.gate_proj",
        "ffn_up": "mlp.up_proj",
        "ffn_down": "mlp.down_proj",
    }
)
_TOP_BACK = {theirs: ours for ours, theirs in _TOP.items()}
_LAYER_BACK = {theirs: ours for ours, theirs in _LAYER.items()}
EMBEDDING, OUTPUT = "token_embd.weight", "output.weight"
KNOWN: Mapping[str, str] = MappingProxyType({"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM"})
"""From the architecture, which both call the same, to the class in transformers."""


def hf_name(name: str) -> str:
    """A tensor's name in a Hugging Face folder, from the one in GGUF.

    Raises:
        ModelError: No Llama and no Qwen2 has such a tensor.
    """
    if (found := re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)) and found[2] in _LAYER:
        return f"model.layers.{found[1]}.{_LAYER[found[2]]}.{found[3]}"
    if (found := re.fullmatch(r"(\w+)\.(weight|bias)", name)) and found[1] in _TOP:
        return f"{_TOP[found[1]]}.{found[2]}"
    raise ModelError(f"tensor {name!r} is none of a Llama or Qwen2; such a model can't be converted")


def gguf_name(name: str) -> str:
    """A tensor's name in GGUF, from the one in a Hugging Face folder.

    Raises:
        ModelError: No Llama and no Qwen2 has such a tensor.
    """
    if (found := re.fullmatch(r"model\.layers\.(\d+)\.([\w.]+)\.(weight|bias)", name)) and found[2] in _LAYER_BACK:
        return f"blk.{found[1]}.{_LAYER_BACK[found[2]]}.{found[3]}"
    if (found := re.fullmatch(r"([\w.]+)\.(weight|bias)", name)) and found[1] in _TOP_BACK:
        return f"{_TOP_BACK[found[1]]}.{found[2]}"
    raise ModelError(f"tensor {name!r} is none of a Llama or Qwen2; such a model can't be converted")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What a model of one of the known architectures is, besides its weights."""

    architecture: str
    layers: int
    width: int
    inner: int
    """Width of the feed-forward layers."""
    heads: int
    kv_heads: int
    head: int
    """Width of a head."""
    context: int
    rope_base: float
    epsilon: float

    @classmethod
    def of_gguf(cls, field: Callable[[str], Any]) -> "Shape":
        """From the metadata of a GGUF file; `field` gives None where there is no such key.

        Raises:
            ModelError: The architecture isn't a known one, or uses a part that isn't.
        """
        architecture = str(field("general.architecture"))
        if architecture not in KNOWN:
            raise ModelError(f"its architecture is {architecture!r}, but only {' and '.join(KNOWN)} can be converted")

        def get(key: str, default: Any = None) -> Any:
            value = field(f"{architecture}.{key}")
            if value is None and default is None:
                raise ModelError(f"its header lacks {architecture}.{key}; fetch it again")
            return default if value is None else value

        if get("rope.scaling.type", "none") != "none" or get("expert_count", 0):
            raise ModelError("it scales its positions or mixes experts, which can't be converted")
        width, heads = int(get("embedding_length")), int(get("attention.head_count"))
        return cls(
            architecture=architecture,
            layers=int(get("block_count")),
            width=width,
            inner=int(get("feed_forward_length")),
            heads=heads,
            kv_heads=int(get("attention.head_count_kv", heads)),
            head=int(get("attention.key_length", width // heads)),
            context=int(get("context_length")),
            rope_base=float(get("rope.freq_base", 10000.0)),
            epsilon=float(f"{get('attention.layer_norm_rms_epsilon'):.6g}"),  # 32 bits in the file
        )

    @classmethod
    def of_folder(cls, config: Mapping[str, Any]) -> "Shape":
        """From config.json.

        Raises:
            ModelError: The architecture isn't a known one, or uses a part that isn't.
        """
        architecture = str(config.get("model_type"))
        if architecture not in KNOWN:
            raise ModelError(f"its architecture is {architecture!r}, but only {' and '.join(KNOWN)} can be converted")
        rope = config.get("rope_parameters") or config
        if (rope.get("rope_type") or "default") != "default" or config.get("rope_scaling"):
            raise ModelError("it scales its positions, which can't be converted")
        heads = int(config["num_attention_heads"])
        return cls(
            architecture=architecture,
            layers=int(config["num_hidden_layers"]),
            width=int(config["hidden_size"]),
            inner=int(config["intermediate_size"]),
            heads=heads,
            kv_heads=int(config.get("num_key_value_heads") or heads),
            head=int(config.get("head_dim") or config["hidden_size"] // heads),
            context=int(config["max_position_embeddings"]),
            rope_base=float(rope.get("rope_theta") or 10000.0),
            epsilon=float(config["rms_norm_eps"]),
        )

    def metadata(self) -> dict[str, int | float]:
        """What a GGUF file says of it, without the architecture's prefix."""
        return {
            "block_count": self.layers,
            "embedding_length": self.width,
            "feed_forward_length": self.inner,
            "attention.head_count": self.heads,
            "attention.head_count_kv": self.kv_heads,
            "context_length": self.context,
            "rope.freq_base": self.rope_base,
            "rope.dimension_count": self.head,
            "attention.key_length": self.head,
            "attention.value_length": self.head,
            "attention.layer_norm_rms_epsilon": self.epsilon,
        }

    def config(self) -> dict[str, Any]:
        """What config.json says of it."""
        return {
            "architectures": [KNOWN[self.architecture]],
            "model_type": self.architecture,
            "num_hidden_layers": self.layers,
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "head_dim": self.head,
            "max_position_embeddings": self.context,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.rope_base},
            "rms_norm_eps": self.epsilon,
            "hidden_act": "silu",
            "attention_dropout": 0.0,
            "initializer_range": 0.02,
            "use_cache": True,
        }

    def interleaved(self, name: str, rows: Any) -> Any:
        """Rows of a tensor as GGUF orders them, from a Hugging Face folder's order.

        llama.cpp rotates neighbouring pairs of a Llama's queries and keys, transformers halves of a head.
        """
        heads = self._rotated(name)
        return rotated(rows, heads) if heads else rows

    def halved(self, name: str, rows: Any) -> Any:
        """The way back from `interleaved`."""
        heads = self._rotated(name)
        if not heads:
            return rows
        return rows.reshape(heads, -1, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    def _rotated(self, name: str) -> int:
        """The heads that a tensor (of GGUF's name) has rows of; 0 for those whose order is the same."""
        if self.architecture != "llama":
            return 0
        return {"attn_q": self.heads, "attn_k": self.kv_heads}.get(name.split(".")[-2], 0)
