"""Unpickles ids and arrays of numbers, and nothing else.

A pickle is a program. The only words of this one are the globals that numpy's arrays are pickled with (protocols 2 to 5,
numpy 1 and 2), and each of them is a stand-in of ours: numpy is not even imported, so that none of its code sees a state
that somebody made up. The numbers of a large array are skipped while the pickle is read and taken from the file
afterwards, so that a shard of 4 GB needs the memory of its ids.
"""

import io
import os
import pickle
import struct

SKIPPED_FROM = 1 << 20  # bytes of one read
NUMBERS = {"f2": "float16", "f4": "float32"}
WHOLE = {"i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q"}


class Refused(Exception):
    """The message says why, in words that follow the name of the file."""


class Shard(io.BufferedReader):
    """A file whose large reads are put off: they are noted, and their bytes stay as they came from the allocator."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self.size = os.fstat(self.fileno()).st_size
        self.skipped = []

    def readinto(self, buffer):
        wanted = len(buffer)
        if wanted < SKIPPED_FROM:
            return super().readinto(buffer)
        end = self.tell() + wanted
        if end > self.size:
            return 0
        self.seek(end)
        self.skipped.append(end)
        return wanted


class Word:
    """A global that a pickle may name. It can be called with what numpy calls it with, and with nothing else."""

    __slots__ = ("_name", "_call")

    def __init__(self, name, call=None):
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_call", call)

    def __call__(self, *arguments):
        if self._call is None:
            raise Refused(f"holds a call of {self._name}")
        try:
            return self._call(*arguments)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise Refused(f"holds a call of {self._name} that numpy does not make") from error

    def __setattr__(self, name, value):
        raise Refused(f"sets {name} of {self._name}")

    def __setstate__(self, state):
        raise Refused(f"sets the state of {self._name}")


class Kind:
    """A dtype: a letter, a number of bytes, an order of bytes."""

    __slots__ = ("code", "order")

    def __init__(self, code, *flags):
        if not isinstance(code, str) or any(not isinstance(flag, (bool, int)) for flag in flags) or len(flags) > 2:
            raise ValueError
        self.order = code[0] if code[:1] in "<>|=" else "<"
        self.code = code.lstrip("<>|=")
        if self.code[:1] in ("O", "V"):
            raise Refused("holds objects (an array of dtype object), not numbers")
        if self.code not in NUMBERS and self.code not in WHOLE and self.code[:1] not in ("f", "U", "S", "c", "b", "M", "m"):
            raise Refused(f"holds the unknown dtype {self.code[:20]!r}")

    def __setstate__(self, state):
        plain = isinstance(state, tuple) and len(state) >= 8 and state[2:5] == (None, None, None)
        if not plain or not isinstance(state[1], str) or state[1] not in ("<", ">", "|", "="):
            raise Refused("holds a dtype with fields or a shape of its own")
        self.order = state[1]


class Array:
    """An ndarray: shape, kind, and bytes that are looked at only when the whole pickle was read."""

    __slots__ = ("shape", "kind", "fortran", "raw", "end", "shard")

    def __init__(self, shard):
        self.shard, self.shape = shard, None

    def fill(self, shape, kind, fortran, raw):
        if self.shape is not None:
            raise Refused("sets the state of an array twice")
        sizes = isinstance(shape, tuple) and all(type(size) is int and size >= 0 for size in shape)
        if not sizes or not isinstance(kind, Kind) or not isinstance(raw, (bytes, bytearray)):
            raise Refused("holds an array that numpy would not write")
        self.shape, self.kind, self.fortran, self.raw = shape, kind, fortran, raw
        skipped = self.shard.skipped
        self.end = skipped[-1] if skipped and len(raw) >= SKIPPED_FROM else None

    def __setstate__(self, state):
        if not isinstance(state, tuple) or len(state) != 5:
            raise Refused("holds an array that numpy would not write")
        _version, shape, kind, fortran, raw = state
        if isinstance(raw, list):
            raise Refused("holds objects (an array of dtype object), not numbers")
        self.fill(shape, kind, fortran is True or fortran == 1, raw)


def words(shard):
    """All that a pickle may name, by module and name; the same words under their names in numpy 1 and 2."""
    ndarray = Word("numpy.ndarray")

    def reconstruct(kind, shape, _typecode):
        if kind is not ndarray or shape != (0,):
            raise Refused("makes an array of another class than numpy.ndarray")
        return Array(shard)

    def frombuffer(raw, kind, shape, order):
        one = Array(shard)
        one.fill(shape, kind, order == "F", raw)
        return one

    def scalar(kind, raw):
        if kind.code not in WHOLE or not isinstance(raw, bytes):
            raise Refused("holds a single value that is no whole number")
        return struct.unpack((">" if kind.order == ">" else "<") + WHOLE[kind.code], raw)[0]

    def encode(text, encoding):
        if encoding != "latin1" or not isinstance(text, str):
            raise ValueError
        return text.encode("latin1")

    def nothing():
        return b""

    known = {("_codecs", "encode"): Word("_codecs.encode", encode), ("numpy", "ndarray"): ndarray}
    known["numpy", "dtype"] = Word("numpy.dtype", Kind)
    known["__builtin__", "bytes"] = known["builtins", "bytes"] = Word("bytes", nothing)
    for core in ("numpy.core", "numpy._core"):
        known[f"{core}.multiarray", "_reconstruct"] = Word("numpy._reconstruct", reconstruct)
        known[f"{core}.multiarray", "scalar"] = Word("numpy.scalar", scalar)
        known[f"{core}.numeric", "_frombuffer"] = Word("numpy._frombuffer", frombuffer)
    return known


class Restricted(pickle.Unpickler):
    def __init__(self, shard):
        super().__init__(shard, encoding="ASCII")
        self.known = words(shard)

    def find_class(self, module, name):
        word = self.known.get((module, name))
        if word is None:
            raise Refused(f"asks for {module}.{name}, which is no part of an array of numbers; do not use this file")
        return word

    def persistent_load(self, pid):
        raise Refused("points to an object outside of the file")


def load(shard):
    """What a shard's pickle holds: lists, tuples, texts, whole numbers, and `Array`."""
    try:
        value = Restricted(shard).load()
    except Refused:
        raise
    except MemoryError as error:
        raise Refused("asks for more memory than its size explains; do not use this file") from error
    except Exception as error:  # a hostile pickle may fail in any way, and none of them is a bug
        raise Refused(f"is no pickle of ids and an array ({type(error).__name__}: {str(error)[:200]})") from error
    if shard.peek(1):
        raise Refused("goes on after the end of its pickle")
    return value
