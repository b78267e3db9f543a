"""The class that vLLM loads. One class for both runners: each loader asks only that it descends from its own base."""

from importlib import import_module

from gain_logits.describe import facts
from gain_logits.engine import Engine
from gain_logits.guard import refuse
from gain_logits.parameters import check
from gain_logits.v1 import Batch
from gain_logits.v2 import Slots

INTERFACES = ("vllm.v1.sample.logits_processor", "vllm.v1.worker.gpu.sample.logits_processor")


def bases(modules=INTERFACES):
    """The LogitsProcessor classes that the installed vLLM has. Raises ImportError where it has none."""
    found = []
    for module in modules:
        try:
            found.append(import_module(module).LogitsProcessor)
        except ModuleNotFoundError as error:
            if not (error.name or "").startswith("vllm"):
                raise  # vLLM is there and broken: its own message helps more
    if not found:
        raise ImportError("gain_logits.Contrast needs vLLM with logits processors (0.32 is known to work)")
    return tuple(found)


class Contrast(*bases()):
    """``--logits-processors gain_logits:Contrast``: see README for what requests may ask of it.

    Raises ValueError at start where the server's settings would make values wrong.
    """

    def __init__(self, vllm_config, device_or_states, is_pin_memory=None):
        import vllm

        refuse(vllm_config)
        # The first runner hands over three things, the second two.
        runner = "v2" if is_pin_memory is None else "v1"
        engine = Engine(facts(vllm_config, runner, vllm.__version__))
        self._batch = Batch(engine) if runner == "v1" else None
        self._slots = Slots(engine, device_or_states) if runner == "v2" else None

    @classmethod
    def validate_params(cls, sampling_params):
        """Both runners, in the API process: a ValueError becomes an answer with status 400."""
        check(sampling_params)

    def apply(self, logits, ctx=None):
        """Both runners, once in each step."""
        return self._batch.apply(logits) if self._slots is None else self._slots.apply(logits, ctx)

    def is_argmax_invariant(self):
        """First runner: no, tokens are forced."""
        return False

    def update_state(self, batch_update):
        """First runner: who came, left and moved."""
        self._batch.update(batch_update)

    def add_request(self, req_idx, sampling_params):
        """Second runner: who came into which slot."""
        return self._slots.add(req_idx, sampling_params)
