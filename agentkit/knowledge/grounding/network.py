"""The grounding model in torch, for training; `scorer` computes the same without it."""

import json
import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from agentkit.errors import ConfigurationError, MissingExtra
from agentkit.knowledge.encoder import WEIGHTS, Encoding, Tokenizer
from agentkit.knowledge.grounding.scorer import LONGEST
from agentkit.knowledge.grounding.weights import BIAS, DOWN, HEAD, UP


class Network:
    """all-MiniLM-L6-v2 with low-rank changes to every linear layer and a linear head.

    The head reads the state of [CLS], the mean v of the claim's states, and |u - v| and u * v with u the mean of the
    passage's: the features of Reimers and Gurevych (2019, section 3), which start from what the base is good at.
    """

    def __init__(self, folder: Path, *, rank: int, seed: int, bf16: bool = True) -> None:
        try:
            self.torch: Any = import_module("torch")
            transformers: Any = import_module("transformers")
            safetensors: Any = import_module("safetensors.torch")
            tokenizers: Any = import_module("tokenizers")
        except ImportError as error:
            raise MissingExtra(f"training the grounding model ({error.name})", extra="transformers") from None
        torch = self.torch
        try:
            config = transformers.BertConfig(**json.loads((folder / "config.json").read_text(encoding="utf-8")))
            stored = safetensors.load_file(folder / WEIGHTS)
            tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
            self.bert: Any = transformers.BertModel(config, add_pooling_layer=False)
            stored = {name.removeprefix("bert."): tensor for name, tensor in stored.items() if "pooler" not in name}
            stored.pop("embeddings.position_ids", None)
            self.bert.load_state_dict(stored)
        except Exception as error:  # the native readers raise bare Exceptions for a bad file
            raise ConfigurationError(
                f"can't read the base model in {str(folder)!r} ({' '.join(str(error).split())[:120]}); fetch it: "
                "agentkit models pull all-minilm-l6-v2"
            ) from None
        tokenizer.no_padding()
        tokenizer.enable_truncation(min(LONGEST, config.max_position_embeddings))
        self.tokenizer = cast(Tokenizer, tokenizer)
        self.bf16 = bf16
        self.bert.requires_grad_(False)
        torch.manual_seed(seed)
        self.head: Any = torch.nn.Linear(4 * config.hidden_size, 1)
        torch.nn.init.zeros_(self.head.bias)
        # LoRA (Hu et al. 2021, section 4.1) with alpha equal to the rank: the change starts as none.
        self.matrices: dict[str, Any] = {
            name: module.weight
            for name, module in self.bert.named_modules()
            if name.startswith("encoder.") and isinstance(module, torch.nn.Linear)
        }
        self.changes: dict[str, Any] = {HEAD: self.head.weight, BIAS: self.head.bias}
        for name, matrix in self.matrices.items():
            rows, columns = matrix.shape
            self.changes[name + UP] = torch.nn.Parameter(torch.zeros(rows, rank))
            self.changes[name + DOWN] = torch.nn.Parameter(torch.randn(rank, columns) / columns**0.5)
        self.parameters = list(self.changes.values())
        self.optimizer: Any = torch.optim.AdamW(self.parameters, weight_decay=0.01)

    def start(self, tensors: Mapping[str, Any]) -> None:
        """Begin with weights that were trained before, by the names of their file.

        Raises:
            ConfigurationError: They are of another rank.
        """
        with self.torch.no_grad():
            for name, parameter in self.changes.items():
                if parameter.shape != tensors[name].shape:
                    raise ConfigurationError(
                        f"the weights to go on from have another rank ({name}: {tensors[name].shape}, not "
                        f"{tuple(parameter.shape)}); give theirs with --rank"
                    )
                parameter.copy_(self.torch.from_numpy(tensors[name]))

    @property
    def size(self) -> int:
        """How many weights are trained."""
        return sum(p.numel() for p in self.parameters)

    def encode(self, claim: str, passage: str) -> Encoding:
        return self.tokenizer.encode(passage, claim)

    def logits(self, encoded: Sequence[Encoding]) -> Any:
        """One number a pair, above 0 for support."""
        torch = self.torch
        longest = max(len(e.ids) for e in encoded)
        ids = torch.tensor([e.ids + [0] * (longest - len(e.ids)) for e in encoded])
        types = torch.tensor([e.type_ids + [0] * (longest - len(e.ids)) for e in encoded])
        mask = torch.tensor([[1] * len(e.ids) + [0] * (longest - len(e.ids)) for e in encoded])
        weights = {
            f"{name}.weight": matrix + self.changes[name + UP] @ self.changes[name + DOWN]
            for name, matrix in self.matrices.items()
        }
        given = {"input_ids": ids, "token_type_ids": types, "attention_mask": mask}
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.bf16):
            x = torch.func.functional_call(self.bert, weights, (), given).last_hidden_state
        x = x.float()

        def mean(of: Any) -> Any:
            return (x * of[:, :, None]).sum(1) / of.sum(1, keepdim=True)

        passage, claim = mean(mask * (1 - types)), mean(mask * types)
        return self.head(torch.cat([x[:, 0], claim, (passage - claim).abs(), passage * claim], dim=1))[:, 0]

    def learn(self, encoded: Sequence[Encoding], supported: Sequence[bool], *, rate: float, seed: int) -> float:
        """One step on a batch; returns its loss. The seed is of the dropout, so that any step can be done again."""
        torch = self.torch
        torch.manual_seed(seed)
        self.bert.train()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        target = torch.tensor([float(s) for s in supported])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(self.logits(encoded), target)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        return float(loss.item())

    def scores(self, encoded: Sequence[Encoding], *, batch: int = 32) -> list[float]:
        """The probability of support, a pair each."""
        self.bert.eval()
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i].ids))
        found = [0.0] * len(encoded)
        with self.torch.no_grad():
            for start in range(0, len(order), batch):
                part = order[start : start + batch]
                for i, logit in zip(part, self.logits([encoded[i] for i in part]).tolist(), strict=True):
                    found[i] = 1 / (1 + math.exp(-logit))
        return found

    def tensors(self) -> dict[str, Any]:
        """A copy of what was trained, by the names of the weights' file."""
        return {name: tensor.detach().clone() for name, tensor in self.changes.items()}

    def state(self) -> dict[str, Any]:
        """All that the next steps depend on."""
        return {"changes": self.tensors(), "optimizer": self.optimizer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where `state` was taken."""
        with self.torch.no_grad():
            for name, tensor in state["changes"].items():
                self.changes[name].copy_(tensor)
        self.optimizer.load_state_dict(state["optimizer"])
