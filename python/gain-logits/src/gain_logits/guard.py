"""Settings of a server under which values would be wrong, refused at start."""

import logging

log = logging.getLogger("vllm.gain_logits")


def refuse(vllm_config):
    """Raises ValueError with one sentence that says which flag to change."""
    model, parallel = vllm_config.model_config, vllm_config.parallel_config
    mode = str(model.logprobs_mode)
    if mode != "processed_logprobs":
        raise ValueError(
            f"gain_logits: start vLLM with --logprobs-mode processed_logprobs (it is {mode}): "
            "values leave as log-probabilities, and vLLM would take these before this plugin"
        )
    if vllm_config.speculative_config is not None:
        raise ValueError(
            "gain_logits: start vLLM without --speculative-config: a row would be a drafted token, not a step"
        )
    if getattr(parallel, "enable_batch_sharded_sampling", None):
        raise ValueError(
            "gain_logits: start vLLM without --enable-batch-sharded-sampling: "
            "each rank would keep the rows of its own requests only"
        )
    if getattr(parallel, "data_parallel_size", 1) > 1:
        log.warning(
            "gain-logits: %s engines keep their rows apart: a query's requests must stay on one of them",
            parallel.data_parallel_size,
        )
