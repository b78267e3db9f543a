"""faiss on the vectors that the others search, too: one line of JSON for each index and k."""
import argparse
import json
import time

import faiss
import numpy as np


def resident():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def built(name, vectors):
    dimension = vectors.shape[1]
    if name == "flat":
        index = faiss.IndexFlatIP(dimension)
    else:
        index = faiss.IndexHNSWFlat(dimension, int(name.removeprefix("hnsw")), faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.hnsw.efSearch = 128
    index.add(vectors)
    return index


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--vectors")
    parser.add_argument("--queries")
    parser.add_argument("--dimension", type=int)
    parser.add_argument("--index")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--warm-up", type=int)
    parser.add_argument("--found")
    given = parser.parse_args()
    read = lambda path: np.fromfile(path, dtype=np.float32).reshape(-1, given.dimension)
    vectors, queries = read(given.vectors), read(given.queries)
    before = resident()
    faiss.omp_set_num_threads(given.threads)
    began = time.perf_counter()
    index = built(given.index, vectors)
    build = time.perf_counter() - began
    rows = []
    for k in (20, 100):
        batch = {}
        for threads in (1, given.threads):
            faiss.omp_set_num_threads(threads)
            began = time.perf_counter()
            _, found = index.search(queries, k)
            batch[threads] = len(queries) / (time.perf_counter() - began)
        faiss.omp_set_num_threads(1)
        times = []
        for at in range(len(queries)):
            began = time.perf_counter()
            index.search(queries[at : at + 1], k)
            times.append(1000 * (time.perf_counter() - began))
        times = times[given.warm_up :]
        found.astype(np.int32).tofile(f"{given.found}-{k}.i32")
        rows.append({"k": k, "rates": batch, "p50": quantile(times, 0.5), "p99": quantile(times, 0.99)})
    print(json.dumps({"build": build, "memory": resident() - before, "rows": rows}))


main()
