"""What a passage adds to a model's answer, measured where the logits are: a logits processor for vLLM.

``vllm serve MODEL --logits-processors gain_logits:Contrast --logprobs-mode processed_logprobs`` loads it, whichever of
vLLM's two model runners serves. Importing this module needs neither vLLM nor torch.
"""

__version__ = "0.1.0"

__all__ = ["Contrast", "__version__"]


def __getattr__(name):
    # vLLM looks the class up by name; everybody else (tests, tools) may import the package where vLLM is missing.
    if name != "Contrast":
        raise AttributeError(f"module 'gain_logits' has no attribute {name!r}")
    from gain_logits.plugin import Contrast

    return Contrast
