"""The encoder in NumPy, for one text at a time: what its graphs are held against."""

import math

import numpy as np


def erf(x):
    """Abramowitz and Stegun 7.1.26; off by at most 1.5e-7."""
    t = 1 / (1 + 0.3275911 * np.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return np.sign(x) * (1 - series * np.exp(-x * x))


def forward(tensors, config, ids):
    """The same encoder in NumPy for one unpadded text; returns [tokens, hidden]. The oracle of both graphs."""
    epsilon, heads = config.get("layer_norm_eps", 1e-12), config["num_attention_heads"]
    distances = tensors["distances"][:, : len(ids), : len(ids)] if "distances" in tensors else 0

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        return scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]

    def dense(x, name):
        return x @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    def split(x):
        return x.reshape(len(x), heads, -1).transpose(1, 0, 2)

    def layer(x, at):
        q, k, v = (split(dense(x, f"{at}.attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1]) + distances
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = ((weights / weights.sum(-1, keepdims=True)) @ v).transpose(1, 0, 2).reshape(len(x), -1)
        middle = norm(x + dense(mixed, f"{at}.attention.output.dense"), f"{at}.attention.output.LayerNorm")
        wide = dense(middle, f"{at}.intermediate.dense")
        wide = wide * (1 + erf(wide / math.sqrt(2))) / 2
        return norm(middle + dense(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")

    x = tensors["embeddings.word_embeddings.weight"][ids]
    x = x + tensors["embeddings.position_embeddings.weight"][: len(ids)]
    if "embeddings.token_type_embeddings.weight" in tensors:
        x = x + tensors["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    for index in range(config["num_hidden_layers"]):
        x = layer(x, f"encoder.layer.{index}")
    return x


def reference(tensors, config, samples):
    means = [forward(tensors, config, ids).mean(0, dtype=np.float64) for ids in samples]
    return [(mean / np.linalg.norm(mean)).tolist() for mean in means]
