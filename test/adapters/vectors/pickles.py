"""Pickles for the tests: what numpy writes, and what people with bad intentions write. Needs numpy.

pickles.py good FOLDER            shards in the published format, each beside its numbers as .npy
pickles.py bad FOLDER             pickles that run `touch NAME.ran` in their folder, and some that run nothing but are no shards
pickles.py load FILE…             plain pickle.load of each, as an unsuspecting reader does
"""

import contextlib
import os
import pickle
import struct
import sys

import numpy as np


class Call:
    """Pickles as a call of `function` with these arguments."""

    def __init__(self, function, *arguments):
        self.made = (function, arguments)

    def __reduce__(self):
        return self.made


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def name(module, attribute):
    """The opcode GLOBAL."""
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def good(folder):
    random = np.random.default_rng(7)
    small = random.standard_normal((300, 8))
    large = random.standard_normal((40_000, 16))
    ids = [str(i) for i in range(1, 301)]
    many = [f"wiki:{i}" for i in range(40_000)]
    shards = {
        "protocol-2": ((ids, small.astype("f4")), 2),
        "protocol-3": ((ids, small.astype("f4")), 3),
        "protocol-4": ((ids, small.astype("f4")), 4),
        "protocol-5": ((ids, small.astype("f4")), 5),
        "half": ((ids, small.astype("f2")), 4),
        "ints": ((list(range(300)), small.astype("f4")), 4),
        "scalars": ((list(np.arange(300)), small.astype("f4")), 4),
        "array-of-ids": ((np.arange(300), small.astype("f4")), 4),
        "unicode": (([f"Ä\n{i}" for i in range(300)], small.astype("f4")), 4),
        "list-pair": ([tuple(ids), small.astype("f4")], 4),
        "large-2": ((many, large.astype("f4")), 2),
        "large-4": ((many, large.astype("f4")), 4),
        "large-5": ((many, large.astype("f2")), 5),
    }
    for file, (value, protocol) in shards.items():
        with open(os.path.join(folder, file), "wb") as out:
            pickle.dump(value, out, protocol=protocol)
        np.save(os.path.join(folder, f"{file}.npy"), np.asarray(value[1], dtype="f4"))


def running(command, code):
    """Programs, by name; `command(name)` is a shell command, `code(name)` a Python expression that does the same."""
    vectors = np.zeros((2, 4), dtype="f4")
    core = np.ndarray.__reduce__(vectors)[0].__module__

    def shard(evil, protocol=4):
        return pickle.dumps((["1", evil], vectors), protocol=protocol)

    objects = np.empty(2, dtype=object)
    objects[:] = [Call(os.system, command("objects")), 1]
    inner = pickle.dumps(Call(os.system, command("nested")))
    return {
        "reduce": shard(Call(os.system, command("reduce"))),
        "reduce-2": shard(Call(os.system, command("reduce-2")), protocol=2),
        "eval": shard(Call(eval, code("eval"))),
        "exec": shard(Call(exec, code("exec")), protocol=5),
        "getattr": shard(Call(eval, f"getattr(__import__('os'), 'system')({command('getattr')!r})")),
        "nested": shard(Call(pickle.loads, inner)),
        "objects": pickle.dumps((["1", "2"], objects), protocol=4),
        "objects-2": pickle.dumps((["1", "2"], np.array([Call(os.system, command("objects-2")), 1], object)), protocol=2),
        # functools.partial(os.system, command)()
        "partial": b"\x80\x02" + name("functools", "partial") + name("os", "system") + text(command("partial"))
        + b"\x86R)R.",
        # partial.__new__(partial, print).__setstate__((os.system, (command,), {}, None)), then called
        "setstate": b"\x80\x02" + name("functools", "partial") + name("builtins", "print") + b"\x85\x81("
        + name("os", "system") + text(command("setstate")) + b"\x85}Ntb)R.",
        # type('X', (ndarray,), {'__setstate__': os.system}) as the class of an array whose state is a command
        "subtype": b"\x80\x02" + name(f"{core}", "_reconstruct") + name("builtins", "type") + text("X")
        + name("numpy", "ndarray") + b"\x85}" + text("__setstate__") + name("os", "system") + b"s\x87R"
        + b"K\x00\x85C\x01b\x87R" + text(command("subtype")) + b"b.",
        # copyreg.add_extension('os', 'system', 240), then the extension by its number
        "extension": b"\x80\x02" + name("copyreg", "add_extension") + text("os") + text("system") + b"K\xf0\x87R0"
        + b"\x82\xf0" + text(command("extension")) + b"\x85R.",
        "dotted": b"\x80\x04" + text("shutil") + text("os.system") + b"\x93" + text(command("dotted")) + b"\x85R.",
        "numpy-runstring": b"\x80\x02" + name("numpy.testing._private.utils", "runstring") + text(code("numpy-runstring"))
        + b"}\x86R.",
        "inst": b"\x80\x02(" + text(command("inst")) + b"ios\nsystem\n.",
        "obj": b"\x80\x02(" + name("os", "popen") + text(command("obj") + "; true") + b"o.",
    }  # fmt: skip


def quiet():
    """Pickles that run nothing, and that are no shards."""
    ids, vectors = ["1", "2"], np.ones((2, 4), dtype="f4")
    core = np.ndarray.__reduce__(vectors)[0].__module__
    dump = lambda *pair: pickle.dumps(pair, protocol=4)  # noqa: E731
    begin = b"\x80\x02"
    array = name(core, "_reconstruct") + name("numpy", "ndarray") + b"K\x00\x85C\x01b\x87R"
    kind = name("numpy", "dtype") + text("f4") + b"\x85R"
    return {
        "memo": begin + b"Nr\xff\xff\xff\x7f.",
        "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 44) + b"x.",
        "list-of-lists": dump([["1"], ["2"]], vectors),
        "too-few-ids": dump(["1"], vectors),
        "big-id": dump([1 << 70, 2], vectors),
        "no-id": dump([None, "2"], vectors),
        "doubles": dump(ids, vectors.astype("f8")),
        "whole-numbers": dump(ids, vectors.astype("i4")),
        "big-endian": dump(ids, vectors.astype(">f4")),
        "fortran": dump(ids, np.asfortranarray(vectors)),
        "fortran-5": pickle.dumps((ids, np.asfortranarray(vectors)), protocol=5),
        "one-axis": dump(ids, np.ones(2, dtype="f4")),
        "no-rows": dump([], np.ones((0, 4), dtype="f4")),
        "fields": dump(ids, np.zeros(2, dtype=[("a", "f4"), ("b", "f4")])),
        "dictionary": dump({"1": 0}, vectors),
        "three": dump(ids, vectors, vectors),
        "bare": pickle.dumps(vectors, protocol=4),
        "more": dump(ids, vectors) + b"N.",
        "cut": dump(ids, vectors)[:-20],
        "persistent": begin + text("1") + b"Q.",
        "odd-class": begin + name(core, "_reconstruct") + name("numpy", "dtype") + b"K\x00\x85C\x01b\x87R.",
        "no-state": begin + b"](" + text("1") + b"e" + array + b"\x86.",
        "short-bytes": begin + b"](" + text("1") + b"e" + array + b"(K\x01K\x01K\x04\x86" + kind + b"\x89C\x03abctb\x86.",
        "negative": begin + b"](" + text("1") + b"e" + array + b"(K\x01J\xff\xff\xff\xffJ\xfc\xff\xff\xff\x86" + kind
        + b"\x89C\x10" + b"0" * 16 + b"tb\x86.",
        "infinite": dump(ids, np.array([[1, 2], [3, np.inf]], dtype="f4")),
        "nan": dump(ids, np.array([[1, np.nan], [3, 4]], dtype="f2")),
        "slots": begin + array + b"N}" + text("shape") + b"K\x01s\x86b.",
        "word": begin + name(core, "_reconstruct") + b"}" + text("_call") + b"Nsb.",
        "kind": begin + kind + b"(K\x03" + text("<") + b"N" + text("a") + b"\x85}K\x00K\x00K\x00tb.",
    }  # fmt: skip


def bad(folder):
    marker = lambda it: os.path.join(folder, f"{it}.ran")  # noqa: E731
    programs = running(lambda it: f"touch '{marker(it)}'", lambda it: f"open({marker(it)!r}, 'w')")
    for file, content in {**programs, **quiet()}.items():
        with open(os.path.join(folder, file), "wb") as out:
            out.write(content)
    print("\n".join(programs))


def load(*files):
    for file in files:
        with open(file, "rb") as source, contextlib.suppress(Exception):
            pickle.load(source)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
