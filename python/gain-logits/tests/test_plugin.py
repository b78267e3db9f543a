"""The class that vLLM loads, through vLLM's own loaders, for both runners."""

from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("vllm.v1.sample.logits_processor", reason="vLLM is not installed")

from conftest import sampling, values  # noqa: E402
from test_v2 import VOCABULARY, context, logits_of, states  # noqa: E402
from vllm.exceptions import VLLMValidationError  # noqa: E402
from vllm.v1.sample import logits_processor as first  # noqa: E402
from vllm.v1.worker.gpu.sample import logits_processor as second  # noqa: E402

import gain_logits  # noqa: E402
from gain_logits.plugin import bases  # noqa: E402

NAME = "gain_logits:Contrast"


@pytest.fixture
def config(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    model = SimpleNamespace(
        model=str(tmp_path),
        revision=None,
        hf_config=None,
        dtype=torch.bfloat16,
        max_model_len=1024,
        logprobs_mode="processed_logprobs",
        get_vocab_size=lambda: VOCABULARY,
    )
    return SimpleNamespace(
        model_config=model,
        cache_config=SimpleNamespace(block_size=32),
        scheduler_config=SimpleNamespace(max_num_seqs=4, async_scheduling=False),
        parallel_config=SimpleNamespace(data_parallel_size=1, enable_batch_sharded_sampling=False),
        speculative_config=None,
    )



def test_the_first_runner_loads_runs_and_forces(config):
    loaded = first.build_logitsprocs(config, torch.device("cpu"), False, False, (NAME,))
    (ours,) = [p for p in loaded.all if isinstance(p, gain_logits.Contrast)]
    assert ours in loaded.non_argmax_invariant
    come = (0, sampling(op="describe", path=[0] * 4), [1], [])
    ours.update_state(first.BatchUpdate(batch_size=1, removed=[], added=[come], moved=[]))
    text = values(ours.apply(logits_of(1))[0], 0, 100)
    assert bytes(round(-value) for value in text).startswith(b'{"protocol":1,"plugin":"0.1.0","runner":"v1","vllm":"')


def test_the_second_runner_loads_runs_and_forces(config):
    held = states()
    (ours,) = second.build_custom_logits_processors(config, held, False, (NAME,))
    held.prompt_len.np[3] = 20
    assert ours.add_request(3, sampling(op="describe", path=[0] * 4)) is True
    ours.apply_staged_writes()
    text = values(ours.apply(logits_of(1), context((3, 20)))[0], 0, 100)
    assert bytes(round(-value) for value in text).startswith(b'{"protocol":1,"plugin":"0.1.0","runner":"v2","vllm":"')


def test_both_runners_refuse_a_malformed_request_as_vllm_wants_it():
    bad = sampling(op="use", key="k", path=[5], alphas=[-1])
    with pytest.raises(VLLMValidationError, match="gain_alphas"):
        first.validate_logits_processors_parameters([NAME], bad)
    with pytest.raises(VLLMValidationError, match="gain_alphas"):
        second.build_custom_logits_processors_params_validator([NAME])(bad)


def test_both_runners_let_other_requests_pass():
    first.validate_logits_processors_parameters([NAME], sampling())
    second.build_custom_logits_processors_params_validator([NAME])(sampling())


def test_a_server_with_a_wrong_setting_does_not_start(config):
    config.model_config.logprobs_mode = "raw_logprobs"
    with pytest.raises(ValueError, match="--logprobs-mode processed_logprobs"):
        first.build_logitsprocs(config, torch.device("cpu"), False, False, (NAME,))
    with pytest.raises(ValueError, match="--logprobs-mode processed_logprobs"):
        second.build_custom_logits_processors(config, states(), False, (NAME,))


def test_a_vllm_with_one_runner_gives_one_base():
    assert bases(("vllm.v1.sample.logits_processor", "vllm.gone")) == (first.LogitsProcessor,)
    with pytest.raises(ImportError, match="needs vLLM"):
        bases(("vllm.gone",))


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError):
        gain_logits.Contrasts  # noqa: B018


def test_settings_that_vllm_holds_after_a_protocol_request_pass():
    """Built by vLLM from what a client sends, so that each name that is checked is one that vLLM has."""
    from vllm.entrypoints.openai.completion.protocol import CompletionRequest

    from gain_logits.parameters import NEUTRAL, check

    sent = CompletionRequest(
        model="m",
        prompt=[[1, 2, 3]],
        max_tokens=2,
        temperature=0,
        ignore_eos=True,
        logprobs=1,
        logprob_token_ids=[0, 1, 2],
        vllm_xargs={"gain_op": "use", "gain_key": "k", "gain_path": [5, 6], "gain_alphas": [1]},
    )
    params = sent.to_sampling_params(2, {})
    assert [name for name, *_ in NEUTRAL if not hasattr(params, name)] == []
    check(params)
