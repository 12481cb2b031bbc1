"""Language models small enough to be made for a test: random weights, a real vocabulary, a real chat template."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CONTROL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TAGS = ("<tool_call>", "</tool_call>")
"""Control in all but name, as in Qwen's vocabularies."""
TEXT = (
    "You answer questions about rivers and numbers in one short sentence. What is 15% of 80? It is 12.",
    '{"plan":[{"for":"volume","tool":"retrieval"}]} {"answer":{"text":"Tank B holds 8,500 litres.","evidence":[1]}}',
    "def area(width, height):\n    return width * height\n\nAnd so on: the harbour master writes it down.",
)


def write_tokenizer(folder: Path, *, size: int = 420) -> Any:
    """A byte-level vocabulary of SmolLM's kind; returns the tokenizer."""
    import tokenizers
    from tokenizers import decoders, models, pre_tokenizers, trainers

    tokenizer: Any = tokenizers.Tokenizer(models.BPE())
    digits: Any = pre_tokenizers.Digits(individual_digits=True)
    bytewise: Any = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, bytewise])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet: Any = pre_tokenizers.ByteLevel.alphabet()
    trainer: Any = trainers.BpeTrainer(
        vocab_size=size - len(TAGS), special_tokens=list(CONTROL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXT * 3, trainer)
    tokenizer.add_tokens([tokenizers.AddedToken(tag, normalized=False) for tag in TAGS])
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<|im_start|>",
        "eos_token": "<|im_end|>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    return tokenizer


def write_folder(
    folder: Path, kind: Literal["llama", "qwen2"] = "llama", *, tied: bool = True, seed: int = 0, layers: int = 2
) -> Path:
    """A whole Hugging Face folder; the same seed gives the same weights."""
    import transformers

    tokenizer = write_tokenizer(folder)
    engine: Any = transformers
    torch: Any = import_module("torch")
    config: Any = engine.AutoConfig.for_model(
        kind,
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=8192,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=tied,
        initializer_range=0.3,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
    )
    torch.manual_seed(seed)
    model: Any = engine.AutoModelForCausalLM.from_config(config)
    model.save_pretrained(folder)
    return folder


def write_like(path: Path, folder: Path) -> Path:
    """A GGUF file with a folder's vocabulary and shape, as any converter would write it; its weights are 0."""
    import gguf
    import numpy
    import tokenizers

    config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    merges: list[list[str]] = json.loads(tokenizer.to_str())["model"]["merges"]
    kind: str = config["model_type"]
    writer: Any = gguf.GGUFWriter(path, kind)
    writer.add_name("Tiny")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(width := config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(inner := config["intermediate_size"])
    writer.add_head_count(heads := config["num_attention_heads"])
    writer.add_head_count_kv(kv_heads := config["num_key_value_heads"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    spelled = [tokenizer.id_to_token(token) for token in range(tokenizer.get_vocab_size())]
    kinds = gguf.TokenType
    writer.add_token_list(spelled)
    writer.add_token_types(
        [kinds.CONTROL if t in CONTROL else kinds.USER_DEFINED if t in TAGS else kinds.NORMAL for t in spelled]
    )
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    key = width // heads * kv_heads
    shapes: dict[str, tuple[int, ...]] = {"token_embd.weight": (len(spelled), width), "output_norm.weight": (width,)}
    if not config["tie_word_embeddings"]:
        shapes["output.weight"] = (len(spelled), width)
    for layer in range(config["num_hidden_layers"]):
        block: dict[str, tuple[int, ...]] = {
            "attn_norm.weight": (width,),
            "attn_q.weight": (width, width),
            "attn_k.weight": (key, width),
            "attn_v.weight": (key, width),
            "attn_output.weight": (width, width),
            "ffn_norm.weight": (width,),
            "ffn_gate.weight": (inner, width),
            "ffn_up.weight": (inner, width),
            "ffn_down.weight": (width, inner),
        }
        if kind == "qwen2":
            block |= {f"attn_{part}.bias": (key if part != "q" else width,) for part in "qkv"}
        shapes |= {f"blk.{layer}.{name}": shape for name, shape in block.items()}
    for name, shape in shapes.items():
        writer.add_tensor(name, numpy.zeros(shape, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
