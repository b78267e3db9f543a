"""The loss and its gradients beside the formula written out in double precision."""

import math
from random import Random

import pytest
import torch

from selector_trainer.loss import divergences, entropies


def softmax(values):
    highest = max(values)
    weights = [math.exp(value - highest) for value in values]
    return [weight / sum(weights) for weight in weights]


def reference(logits, scores, temperature):
    """Σ t ln(t / s) of one group, and its derivative by each logit: s − t."""
    student, teacher = softmax(logits), softmax([score / temperature for score in scores])
    loss = sum(t * (math.log(t) - math.log(s)) for t, s in zip(teacher, student, strict=True))
    return loss, [s - t for t, s in zip(teacher, student, strict=True)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_and_gradients_are_those_of_the_formula(temperature, dtype):
    random = Random(3)
    sizes = [2, 16, 7, 3, 16]
    logits = [[random.gauss(0, 4) for _ in range(size)] for size in sizes]
    scores = [[-math.log1p(math.exp(random.gauss(2, 2))) for _ in range(size)] for size in sizes]
    longest = max(sizes)
    fill = [[*row, *[random.gauss(0, 9)] * (longest - len(row))] for row in logits]
    given = torch.tensor(fill, dtype=dtype, requires_grad=True)
    mask = torch.tensor([[i < size for i in range(longest)] for size in sizes])
    teacher = torch.tensor([[*row, *[0.0] * (longest - len(row))] for row in scores], dtype=torch.float64)
    losses = divergences(given, teacher, mask, temperature)
    losses.sum().backward()
    for i, size in enumerate(sizes):
        exact = [float(x) for x in given[i, :size].detach()]
        loss, gradient = reference(exact, scores[i], temperature)
        assert losses[i].item() == pytest.approx(loss, abs=1e-6)
        assert given.grad[i, :size].tolist() == pytest.approx(gradient, abs=1e-6)
        assert not given.grad[i, size:].any()


def test_the_loss_is_zero_where_the_student_agrees_whatever_is_added_to_its_logits():
    scores = torch.tensor([[-0.2, -1.0, -5.0]], dtype=torch.float64)
    mask = torch.ones(1, 3, dtype=torch.bool)
    assert divergences(scores + 7, scores, mask).item() == pytest.approx(0, abs=1e-12)
    assert divergences(scores / 2 + 7, scores, mask, temperature=2).item() == pytest.approx(0, abs=1e-12)
    assert divergences(-scores, scores, mask).item() > 1


def test_passages_without_any_weight_make_no_number_that_is_none():
    logits = torch.tensor([[0.0, -9e5, 30.0]], requires_grad=True)
    losses = divergences(logits, torch.tensor([[-0.1, -2000.0, -900.0]]), torch.ones(1, 3, dtype=torch.bool))
    losses.sum().backward()
    assert torch.isfinite(losses).all() and torch.isfinite(logits.grad).all()


def test_entropy_is_none_where_one_passage_has_all_the_weight_and_ln_n_where_all_are_alike():
    mask = torch.tensor([[True, True, True, True], [True, True, False, False]])
    found = entropies(torch.tensor([[0.0, -99.0, -99.0, -99.0], [-1.0, -1.0, 5.0, 5.0]]), mask)
    assert found.tolist() == pytest.approx([0, math.log(2)], abs=1e-9)
