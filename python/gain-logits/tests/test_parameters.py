"""What a request may ask; neither torch nor vLLM is needed here."""

import subprocess
import sys

import pytest
from conftest import asked

from gain_logits.parameters import check, parse


def use(**changes):
    return asked(**{"op": "use", "key": "k", "path": [5, 6, 7], **changes})


def test_a_request_without_gain_names_is_none_of_ours():
    assert parse(None, 16) is None
    assert parse({"session_id": "x"}, 16) is None
    check(asked(others={"temperature": 1.0}))


def test_wanted_tokens_are_dealt_out_to_their_steps():
    request = parse(use(wanted=[1, 2, 3, 4, 5, 6], counts=[1, 3, 2]).extra_args, 3)
    assert request.wanted == ((1,), (2, 3, 4), (5, 6))


def test_each_step_wants_its_forced_token_where_nothing_is_said():
    assert parse(use().extra_args, 3).wanted == ((5,), (6,), (7,))


def test_a_row_stands_under_the_key_and_the_answer_so_far():
    request = parse(use(prefix=[9]).extra_args, 3)
    assert [request.address(step) for step in range(3)] == [("k", (9,)), ("k", (9, 5)), ("k", (9, 5, 6))]


def test_alpha_is_one_half_where_nothing_is_said_and_difference_sends_one_value():
    assert parse(use().extra_args, 3).alphas == (0.5,)
    assert parse(use(form="difference", alphas=[1, 2, 3]).extra_args, 3).most_values() == 2


def test_all_three_operations_pass():
    check(use(alphas=[0, 0.5, 16], form="paper", prefix=[], wanted=[5, 6, 7], counts=[1, 1, 1]))
    check(asked(op="store", key="k", path=[5]))
    check(asked(op="describe", path=[0, 0, 0, 0]))


REFUSED = [
    (use(op="add"), "gain_op must be one of store, use, describe, not 'add'"),
    (asked(key="k", path=[1]), "gain_op must be one of store, use, describe, not None"),
    (use(ids=[1]), "gain_ids is unknown"),
    (use(key=""), "gain_key must be a string of 1 to 200 characters"),
    (use(key=7), "gain_key must be a string"),
    (use(key="k" * 201), "gain_key must be a string"),
    (use(path=[]), "gain_path must hold at least 1 token id"),
    (use(path="567"), "gain_path must be a list of token ids, not '567'"),
    (use(path=[5, -1, 7]), "gain_path[1] must be a token id (an integer from 0), not -1"),
    (use(path=[5, 6, 2**31]), "gain_path[2] must be a token id"),
    (use(path=[5.0, 6, 7]), "gain_path[0] must be a token id (an integer from 0), not 5.0"),
    (use(path=[True, 6, 7]), "gain_path[0] must be a token id (an integer from 0), not True"),
    (use(prefix=[None]), "gain_prefix[0] must be a token id"),
    (use(prefix=3), "gain_prefix must be a list of token ids, not 3"),
    (use(wanted=[1]), "gain_wanted and gain_counts belong together"),
    (use(counts=[1, 1, 1]), "gain_wanted and gain_counts belong together"),
    (use(wanted=[1, 2], counts=[1, 1]), "gain_counts must be a list of 3 integers"),
    (use(wanted=[1, 2], counts=[1, 0, 1]), "gain_counts[1] must be an integer from 1, not 0"),
    (use(wanted=[1, 2], counts=[1, True, 1]), "gain_counts[1] must be an integer from 1, not True"),
    (use(wanted=[1, 2, 3, 4], counts=[1, 1, 1]), "gain_counts add up to 3, but gain_wanted holds 4 token ids"),
    (use(alphas=[]), "gain_alphas must be a list of 1 to 16 numbers"),
    (use(alphas=0.5), "gain_alphas must be a list of 1 to 16 numbers"),
    (use(alphas=[1] * 17), "gain_alphas must be a list of 1 to 16 numbers"),
    (use(alphas=[-0.1]), "gain_alphas[0] must be a finite number from 0, not -0.1"),
    (use(alphas=[0.5, float("nan")]), "gain_alphas[1] must be a finite number from 0, not nan"),
    (use(alphas=[float("inf")]), "gain_alphas[0] must be a finite number from 0, not inf"),
    (use(alphas=["1"]), "gain_alphas[0] must be a finite number from 0, not '1'"),
    (use(form="log"), "gain_form must be one of paper, difference, not 'log'"),
    (use(wanted=[1] * 63, counts=[61, 1, 1]), "a step would send 122 values, and 120 is the most"),
    (use(others={"max_tokens": 4}), "max_tokens must be 3, the length of gain_path, not 4"),
    (use(others={"max_tokens": None}), "max_tokens must be 3, the length of gain_path, not None"),
    (asked(op="store", key="k", path=[5], alphas=[1]), "gain_alphas is only for gain_op use, not for store"),
    (asked(op="store", key="k", path=[5], form="paper"), "gain_form is only for gain_op use, not for store"),
    (asked(op="describe", path=[0, 3]), "gain_path must hold zeros only for gain_op describe"),
    (asked(op="describe", path=[0], others={"max_tokens": 2}), "max_tokens must be 1"),
    (asked(op="describe", path=[0], wanted=[0], counts=[1]), "gain_wanted and gain_counts are not for"),
    (use(others={"temperature": 0.7}), "temperature must be 0 in a request with gain_op, not 0.7"),
    (use(others={"repetition_penalty": 1.1}), "repetition_penalty must be 1"),
    (use(others={"ignore_eos": False}), "ignore_eos must be true"),
    (use(others={"n": 2}), "n must be 1"),
    (use(others={"min_tokens": 1}), "min_tokens must be 0"),
    (use(others={"stop": ["\n"]}), "stop must be none"),
    (use(others={"logit_bias": {5: 1.0}}), "logit_bias must be none"),
    (use(others={"bad_words": ["x"]}), "bad_words must be none"),
    (use(others={"structured_outputs": object()}), "structured_outputs must be none"),
    (use(others={"logprob_token_ids": [0, 1]}), "logprob_token_ids must hold 0 to 2: a step of this request sends 2"),
    (use(others={"logprob_token_ids": None}), "logprob_token_ids must hold 0 to 2"),
]


@pytest.mark.parametrize(("params", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_malformed_request_is_refused_in_one_sentence(params, sentence):
    with pytest.raises(ValueError) as refusal:
        check(params)
    assert str(refusal.value).startswith(sentence)
    assert "\n" not in str(refusal.value)


def test_a_long_value_from_the_wire_is_not_repeated_in_full():
    with pytest.raises(ValueError) as refusal:
        check(use(op="x" * 10_000))
    assert len(str(refusal.value)) < 120


def test_checking_needs_neither_torch_nor_vllm():
    lines = "import sys, gain_logits.parameters as p; p.parse({'gain_op': 'describe', 'gain_path': [0]}, 1)"
    told = subprocess.run(
        [sys.executable, "-c", f"{lines}; print([m for m in ('torch', 'vllm') if m in sys.modules])"],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[]"
