"""Typed functions of many domains with requests for them, and their variants: what a student learns calling from."""

from agentkit.compress.sources.functions.spec import Parameter, Spec, catalogue
from agentkit.compress.sources.functions.variants import Offer, offer
from agentkit.compress.sources.functions.wording import Request, request

__all__ = ["Offer", "Parameter", "Request", "Spec", "catalogue", "offer", "request"]
