"""How values leave the server: as log-probabilities of carrier tokens. Neither torch nor vLLM is needed here."""

PROTOCOL = 1

#: A value v leaves as max(v, FLOOR) - SHIFT: far from the forced token, whose own log-probability stays 0.
SHIFT = 50.0
FLOOR = -4000.0

#: Stands for a value that is no number: the model gave NaN for this prompt, as float16 does where it overflows.
NO_NUMBER = -4500.0

#: Values of one step at most: vLLM returns 128 chosen log-probabilities, and the forced token is none of the carriers.
MOST_VALUES = 120

#: Bytes of the description that one step carries, and the value that stands past its end.
CHUNK = 100
ABSENT = -300.0


def carriers(forced, count):
    """The first ``count`` token ids that are not the forced one: 0, 1, 2 ... without ``forced``."""
    return [j if j < forced else j + 1 for j in range(count)]


def chunk(text, step):
    """Values of one step of a description: minus the bytes ``step * 100 ...`` of ``text``, ABSENT past its end."""
    part = text[step * CHUNK : (step + 1) * CHUNK]
    return [-float(byte) for byte in part] + [ABSENT] * (CHUNK - len(part))
