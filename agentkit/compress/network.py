"""A causal language model in torch, over packed rows."""

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from agentkit.compress.attention import Stretch, branched, register, whole
from agentkit.compress.packing import Branch, Row, joined
from agentkit.errors import ConfigurationError, MissingExtra


class Network:
    """A model on a device: packed rows in, probabilities of what is to be learned out."""

    def __init__(self, model: Any, *, device: str, bf16: bool) -> None:
        self.torch = library("torch")
        self.model = model.to(device)
        self.device = device
        self.bf16 = bf16

    def logits(self, rows: Sequence[Row]) -> Any:
        """For each target of the rows, in order, what the model predicts in its place, in single precision."""
        torch, device = self.torch, self.device
        ids, positions, places, branches = joined(rows)
        with self.precision():
            states = self.model.get_decoder()(
                input_ids=torch.tensor([ids], device=device),
                position_ids=torch.tensor([positions], device=device),
                attention_mask=torch.ones(1, 1, 1, 1, device=device),  # of this form it is passed on and not looked at
                stretches=[stretch for row in branches for stretch in self.stretches(row)],
                use_cache=False,
            ).last_hidden_state[0]
            states = states.index_select(0, torch.tensor(places, device=device))
            return self.model.get_output_embeddings()(states).float()

    def stretches(self, row: Sequence[Branch]) -> list[Stretch]:
        """What of a row is attended from at once: on a CPU a branch, on a GPU all of it."""
        torch = self.torch
        if self.device == "cpu":
            return branched(torch, row)
        return [whole(torch, row, device=self.device, dtype=torch.bfloat16 if self.bf16 else torch.float32)]

    def precision(self) -> Any:
        """The context in which it multiplies as it is to."""
        torch = self.torch
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16, enabled=self.bf16)

    def wanted(self, rows: Sequence[Row]) -> Any:
        """The ids of the targets."""
        return self.torch.tensor([target.token for row in rows for target in row.targets], device=self.device)


def open_model(folder: Path) -> Any:
    """A causal language model from a folder, in single precision.

    Raises:
        ConfigurationError: The folder can't be read.
    """
    transformers = library("transformers")
    transformers.utils.logging.disable_progress_bar()  # it would stand between the lines of the steps
    try:
        return transformers.AutoModelForCausalLM.from_pretrained(
            str(folder),
            local_files_only=True,
            dtype=library("torch").float32,
            attn_implementation=register(transformers),
        )
    except Exception as error:  # the native readers raise bare Exceptions for a bad file
        raise ConfigurationError(
            f"can't read the model in {str(folder)!r} ({' '.join(str(error).split())[:160]}); name a folder with "
            "config.json and model.safetensors, a GGUF file, or a name of `agentkit models`"
        ) from None


def chosen(device: str) -> str:
    """`cuda` where there is one and `auto` was asked for.

    Raises:
        ConfigurationError: There is no such device.
    """
    torch = library("torch")
    there: bool = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if there else "cpu"
    number = device.removeprefix("cuda").removeprefix(":")
    has_it = (
        there and device.startswith("cuda") and (not number or number in map(str, range(torch.cuda.device_count())))
    )
    if device != "cpu" and not has_it:
        raise ConfigurationError(f"there is no device {device!r} here; leave --device out for the best there is")
    return device


def has_bf16(device: str) -> bool:
    """Whether it multiplies in bfloat16 faster than in single precision; processors without the instructions don't.

    The 135M with LoRA, tokens a second of one thread of a processor that has them: 90 in single precision, 200.
    """
    if device != "cpu":
        return bool(library("torch").cuda.is_bf16_supported(including_emulation=False))
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags


def library(name: str) -> Any:
    """A library that training needs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            return import_module(name)
    except ImportError as error:
        raise MissingExtra(f"training ({error.name})", extra="distil") from None
