"""Servers under which values would be wrong do not start."""

from types import SimpleNamespace

import pytest

from gain_logits.guard import refuse
from gain_logits.rows import limit


def server(mode="processed_logprobs", speculative=None, **parallel):
    return SimpleNamespace(
        model_config=SimpleNamespace(logprobs_mode=mode),
        speculative_config=speculative,
        parallel_config=SimpleNamespace(**{"data_parallel_size": 1, **parallel}),
    )


def test_a_server_with_the_right_settings_starts():
    refuse(server())
    refuse(server(enable_batch_sharded_sampling=False, tensor_parallel_size=4))


@pytest.mark.parametrize(
    ("config", "flag"),
    [
        (server("raw_logprobs"), "--logprobs-mode processed_logprobs (it is raw_logprobs)"),
        (server("processed_logits"), "--logprobs-mode processed_logprobs (it is processed_logits)"),
        (server(speculative=object()), "without --speculative-config"),
        (server(enable_batch_sharded_sampling=True), "without --enable-batch-sharded-sampling"),
    ],
)
def test_a_server_with_a_wrong_setting_is_told_which_flag_to_change(config, flag):
    with pytest.raises(ValueError, match="^gain_logits: start vLLM ") as refusal:
        refuse(config)
    assert flag in str(refusal.value)


def test_several_engines_are_warned_of(warnings):
    refuse(server(data_parallel_size=2))
    assert "2 engines keep their rows apart" in warnings.text


def test_the_bytes_come_from_the_environment():
    assert limit(1000, {}) == 512 * 2**20
    assert limit(1000, {"GAIN_LOGITS_BYTES": "4000"}) == 4000


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("1G", "must be a number of bytes, not '1G'"), ("3999", "one row of this model takes 4000 bytes")],
)
def test_bytes_that_hold_no_row_are_refused(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        limit(1000, {"GAIN_LOGITS_BYTES": text})
