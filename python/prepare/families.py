"""Models that are built like BERT under other names: their weights and settings as BERT has them.

Beside BERT's own names the tensors may have "distances", [heads, tokens, tokens]: what attention adds for the distance
of two tokens. Positions begin at 0, whatever the model counts from.
"""

import math
import re

import numpy as np


class Unsupported(Exception):
    """The model is not one that can be written; the message says why."""


BODY = re.compile(r"^(bert|roberta|distilbert|mpnet)\.")
POSITIONS = "embeddings.position_embeddings.weight"

DISTILBERT = (
    (r"^transformer\.layer\.", "encoder.layer."),
    (r"\.attention\.q_lin\.", ".attention.self.query."),
    (r"\.attention\.k_lin\.", ".attention.self.key."),
    (r"\.attention\.v_lin\.", ".attention.self.value."),
    (r"\.attention\.out_lin\.", ".attention.output.dense."),
    (r"\.sa_layer_norm\.", ".attention.output.LayerNorm."),
    (r"\.ffn\.lin1\.", ".intermediate.dense."),
    (r"\.ffn\.lin2\.", ".output.dense."),
    (r"\.output_layer_norm\.", ".output.LayerNorm."),
)
MPNET = (
    (r"\.attention\.attn\.q\.", ".attention.self.query."),
    (r"\.attention\.attn\.k\.", ".attention.self.key."),
    (r"\.attention\.attn\.v\.", ".attention.self.value."),
    (r"\.attention\.attn\.o\.", ".attention.output.dense."),
    (r"\.attention\.LayerNorm\.", ".attention.output.LayerNorm."),
)


def renamed(tensors, rules=()):
    """Old checkpoints say gamma and beta."""
    rules = (*rules, (r"LayerNorm\.gamma$", "LayerNorm.weight"), (r"LayerNorm\.beta$", "LayerNorm.bias"))
    found = {}
    for name, values in tensors.items():
        name = BODY.sub("", name)
        for pattern, other in rules:
            name = re.sub(pattern, other, name)
        found[name] = values
    return found


def bert(tensors, config):
    return renamed(tensors), config


def roberta(tensors, config):
    """Positions count from behind the padding token's id."""
    tensors = renamed(tensors)
    tensors[POSITIONS] = tensors[POSITIONS][config.get("pad_token_id", 1) + 1 :]
    return tensors, config


def distilbert(tensors, config):
    names = {"num_attention_heads": "n_heads", "num_hidden_layers": "n_layers", "hidden_size": "dim"}
    return renamed(tensors, DISTILBERT), {**config, **{ours: config[theirs] for ours, theirs in names.items()}}


def buckets(length, count, farthest=128):
    """Which bucket the distance of two tokens falls into, [length, length]; T5's way, in both directions."""
    behind = np.arange(length)[:, None] - np.arange(length)[None, :]
    half = count // 2
    exact = half // 2
    far = np.abs(behind)
    scaled = np.log(np.maximum(far, 1).astype(np.float32) / np.float32(exact)) / np.float32(math.log(farthest / exact))
    large = exact + (scaled * (half - exact)).astype(np.int64)
    return (behind < 0) * half + np.where(far < exact, far, np.minimum(large, half - 1))


def mpnet(tensors, config):
    """Like RoBERTa, without kinds of tokens; attention knows distances."""
    tensors = renamed(tensors, MPNET)
    tensors[POSITIONS] = tensors[POSITIONS][2:]
    table = tensors["encoder.relative_attention_bias.weight"]
    places = buckets(len(tensors[POSITIONS]), config.get("relative_attention_num_buckets", 32))
    tensors["distances"] = np.ascontiguousarray(table[places].transpose(2, 0, 1))
    return tensors, config


families = {
    "bert": bert,
    "roberta": roberta,
    "xlm-roberta": roberta,
    "camembert": roberta,
    "distilbert": distilbert,
    "mpnet": mpnet,
}


def as_bert(config, read):
    """Tensors and settings as BERT has them; `read` is called when the model is one of these.

    Raises Unsupported.
    """
    kind = config.get("model_type")
    if kind not in families:
        raise Unsupported(f"model_type is {kind!r}; only {', '.join(map(repr, families))} can be written here")
    act = config.get("activation" if kind == "distilbert" else "hidden_act", "gelu")
    if act != "gelu":
        raise Unsupported(f"the activation is {act!r}; only 'gelu' can be written here")
    if config.get("position_embedding_type", "absolute") != "absolute":
        raise Unsupported("only absolute position embeddings can be written here")
    if config.get("is_decoder"):
        raise Unsupported("it is a decoder; only encoders can be written here")
    return families[kind](read(), config)
