"""A model of no use but to be loaded: the smallest that llama.cpp takes, written as a GGUF file."""

import struct
from collections.abc import Mapping

_WIDTH = 32
_TOKENS = ("<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)))
_KINDS = (2, 3, 3, *[6] * 256)
"""Unknown, control, control, bytes."""
_ALIGNED = 32
_TENSORS: Mapping[str, tuple[int, ...]] = {
    "token_embd.weight": (_WIDTH, len(_TOKENS)),
    "output_norm.weight": (_WIDTH,),
    **{f"blk.0.{name}_norm.weight": (_WIDTH,) for name in ("attn", "ffn")},
    **{
        f"blk.0.{name}.weight": (_WIDTH, _WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
    },
}


def decoy() -> bytes:
    """The file, whose weights are all 0."""
    keys = {
        "general.architecture": _text("llama"),
        "llama.context_length": _number(256),
        "llama.embedding_length": _number(_WIDTH),
        "llama.block_count": _number(1),
        "llama.feed_forward_length": _number(_WIDTH),
        "llama.attention.head_count": _number(1),
        "llama.attention.layer_norm_rms_epsilon": struct.pack("<If", 6, 1e-5),
        "tokenizer.ggml.model": _text("llama"),
        "tokenizer.ggml.add_space_prefix": struct.pack("<I?", 7, False),
        "tokenizer.ggml.tokens": _array(8) + b"".join(map(_string, _TOKENS)),
        "tokenizer.ggml.scores": _array(6) + bytes(4 * len(_TOKENS)),
        "tokenizer.ggml.token_type": _array(5) + struct.pack(f"<{len(_KINDS)}i", *_KINDS),
    }
    header = struct.pack("<4sIQQ", b"GGUF", 3, len(_TENSORS), len(keys))
    header += b"".join(_string(key) + value for key, value in keys.items())
    offset = 0
    for name, shape in _TENSORS.items():
        header += _string(name) + struct.pack(f"<I{len(shape)}QIQ", len(shape), *shape, 0, offset)
        offset += 4 * _WIDTH * (shape[1] if len(shape) > 1 else 1)
    return header + bytes(-len(header) % _ALIGNED) + bytes(offset)


def _string(text: str) -> bytes:
    return struct.pack("<Q", len(text)) + text.encode()


def _text(text: str) -> bytes:
    return struct.pack("<I", 8) + _string(text)


def _number(number: int) -> bytes:
    return struct.pack("<II", 4, number)


def _array(kind: int) -> bytes:
    """How an array begins that has one item a token."""
    return struct.pack("<IIQ", 9, kind, len(_TOKENS))
