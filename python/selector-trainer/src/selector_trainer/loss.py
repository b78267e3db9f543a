"""The loss: how far the student's distribution over the passages of a group is from the teacher's."""

import torch
from torch import Tensor


def distribution(scores: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
    """ln softmax(scores / temperature) over each row's passages; scores and mask [groups, passages]. Others are −inf."""
    return (scores.double() / temperature).masked_fill(~mask, -torch.inf).log_softmax(-1)


def divergences(logits: Tensor, scores: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
    """
    KL(teacher ‖ student) in nats, [groups], teacher = softmax(scores / temperature).

    In double precision: it costs nothing beside the model, and small differences of teacher scores stay what they are.
    """
    student = distribution(logits, mask).masked_fill(~mask, 0.0)
    teacher = distribution(scores, mask, temperature)
    return (teacher.exp() * (teacher.masked_fill(~mask, 0.0) - student)).sum(-1)


def entropies(scores: Tensor, mask: Tensor, temperature: float = 1.0) -> Tensor:
    """Of the teacher's distributions, nats, [groups]: 0 where one passage has all the weight."""
    teacher = distribution(scores, mask, temperature)
    return -(teacher.exp() * teacher.masked_fill(~mask, 0.0)).sum(-1)
