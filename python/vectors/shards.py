"""Reads pickled shards of embeddings, `(ids, numpy array)`, without running anything that a pickle asks for.

    python shards.py inspect FILE…          one JSON line a file: {"file", "rows", "dimension", "kind", "ids"}
    python shards.py stream --from ROW FILE the same line, then the rows from ROW (0 is the first) on, in frames:
                                            u32 rows, u32 bytes of ids, the ids as a JSON list of texts, the numbers
                                            (little-endian, row by row); a frame of 0 rows is the end

What is not a pair of a list of ids and an array of float16 or float32 is refused with a sentence on standard error and
exit status 2. Needs no package.
"""

import array
import contextlib
import json
import os
import struct
import sys

from restricted import NUMBERS, WHOLE, Array, Refused, Shard, load

BLOCK = 4 << 20  # bytes of one frame's numbers


def bound_memory(size):
    """What a pickle may make out of few bytes, such as a memo of a billion empty entries, ends here."""
    try:
        import resource

        limit = (1 << 30) + 4 * size + min(12 * size, 4 << 30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    except (ImportError, ValueError, OSError):
        pass


def ids_of(value, rows):
    """Texts, one a row. `value`: a list or tuple of texts or whole numbers, or an array of whole numbers."""
    if isinstance(value, Array):
        value = whole_numbers(value)
    if not isinstance(value, (list, tuple)):
        raise Refused("holds no list of ids")
    if len(value) != rows:
        raise Refused(f"holds {len(value)} ids for {rows} vectors")
    for row, each in enumerate(value):
        if type(each) not in (str, int) or (type(each) is int and each.bit_length() > 64):
            raise Refused(f"row {row + 1}: the id is neither a text nor a whole number")
    return value


def whole_numbers(ids):
    if ids.shape is None or len(ids.shape) != 1 or ids.kind.code not in WHOLE:
        raise Refused("holds ids in an array that is no row of whole numbers")
    numbers = array.array(WHOLE[ids.kind.code])
    start, length = place(ids, ids.shape[0] * numbers.itemsize)
    numbers.frombytes(bytes(ids.raw) if start is None else read_at(ids.shard, start, length))
    if ids.kind.order == ">":
        numbers.byteswap()
    return numbers.tolist()


def read_at(shard, start, length):
    shard.seek(start)
    return shard.read(length)


def place(numbers, length):
    """Where an array's bytes lie in the file (None: in memory), after it was proven that they are as many as they must."""
    if len(numbers.raw) != length:
        raise Refused(f"holds {len(numbers.raw)} bytes of numbers instead of {length}")
    return (None if numbers.end is None else numbers.end - length), length


def pair(shard):
    """ids and vectors of a shard."""
    value = load(shard)
    if not isinstance(value, (tuple, list)) or len(value) != 2 or not isinstance(value[1], Array):
        raise Refused("is no pickle of a pair of ids and an array of numbers")
    ids, vectors = value
    check(vectors)
    return ids_of(ids, vectors.shape[0]), vectors


def check(vectors):
    if vectors.shape is None or len(vectors.shape) != 2 or 0 in vectors.shape:
        raise Refused("holds an array that has no rows and columns")
    if vectors.kind.code not in NUMBERS:
        raise Refused(f"holds numbers of type {vectors.kind.code}; write them as float32 or float16")
    if vectors.kind.order == ">":
        raise Refused("holds numbers with the highest byte first; write them in little-endian order")
    if vectors.fortran and 1 not in vectors.shape:
        raise Refused("holds its numbers column by column; write them with numpy.ascontiguousarray")


def header(path, ids, vectors):
    rows, dimension = vectors.shape
    return {"file": path, "rows": rows, "dimension": dimension, "kind": NUMBERS[vectors.kind.code], "ids": bool(ids)}


def frames(shard, ids, vectors, first):
    rows, dimension = vectors.shape
    width = dimension * int(vectors.kind.code[1])
    start, _ = place(vectors, rows * width)
    step = max(1, BLOCK // width)
    for row in range(first, rows, step):
        count = min(step, rows - row)
        names = json.dumps([str(each) for each in ids[row : row + count]]).encode()
        at = row * width
        numbers = vectors.raw[at : at + count * width] if start is None else read_at(shard, start + at, count * width)
        if len(numbers) != count * width:
            raise Refused("became shorter while it was read")
        yield struct.pack("<II", count, len(names)) + names + numbers
    yield struct.pack("<II", 0, 0)


def inspect(paths):
    bound_memory(max(os.path.getsize(path) for path in paths))
    for path in paths:
        with opened(path) as shard:
            ids, vectors = pair(shard)
            place(vectors, vectors.shape[0] * vectors.shape[1] * int(vectors.kind.code[1]))
            print(json.dumps(header(path, ids, vectors)), flush=True)


def stream(path, first):
    bound_memory(os.path.getsize(path))
    with opened(path) as shard:
        ids, vectors = pair(shard)
        out = sys.stdout.buffer
        out.write(json.dumps(header(path, ids, vectors)).encode() + b"\n")
        for frame in frames(shard, ids, vectors, first):
            out.write(frame)
        out.flush()


@contextlib.contextmanager
def opened(path):
    """A shard; what is refused of it is said with its name."""
    with Shard(path) as shard:
        try:
            yield shard
        except Refused as error:
            raise Refused(f"{path} {error}") from error


def main(arguments):
    command, *rest = arguments
    if command == "inspect" and rest:
        inspect(rest)
    elif command == "stream" and len(rest) == 3 and rest[0] == "--from":
        stream(rest[2], int(rest[1]))
    else:
        sys.exit("usage: shards.py inspect FILE… | stream --from ROW FILE")


if __name__ == "__main__":
    try:
        main(sys.argv[1:] or [""])
    except Refused as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    except OSError as error:
        print(f"{error.filename or 'a shard'} cannot be read ({error.strerror})", file=sys.stderr)
        sys.exit(2)
