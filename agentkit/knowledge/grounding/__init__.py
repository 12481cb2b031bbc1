"""The grounding model: how well a passage supports a claim.

`scorer` computes it, without torch; `train`, the only part that needs torch, makes its weights.
"""

from agentkit.knowledge.grounding.scorer import Grounding

__all__ = ["Grounding"]
