"""More word problems from those there are: other numbers, other words, a model's words, a sentence too many.

Nothing is kept because it was made: each is run like any problem, and only what ends with its answer becomes a lesson.
"""

from agentkit.compress.augment.distraction import distracted
from agentkit.compress.augment.renumbering import renumbered
from agentkit.compress.augment.rephrasing import rephrased
from agentkit.compress.augment.rewording import reworded

__all__ = ["distracted", "renumbered", "rephrased", "reworded"]
