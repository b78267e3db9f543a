"""Stand-ins for the CUDA libraries that PyPI's torch links to: `stand_ins.py TORCH_LIB_FOLDER TARGET_FOLDER`.

PyPI has no torch without CUDA for Linux, and its libraries weigh gigabytes. On a CPU none of their functions is ever
called, but the loader wants them: each stand-in has every CUDA function that torch names, and each returns the error 100,
by which CUDA's runtime says that there is no device.
Needs gcc, nm and objdump.
"""

import glob
import os
import re
import subprocess
import sys

FUNCTION = re.compile(r"(cuda[A-Z]|__cuda|cublas|cudnn|cufft|curand|cusparse|cusolver|p?nccl|nvrtc|nvshmem|_ZN?\w*nvshmem|cupti|cuFile)")
LIBRARY = re.compile(r"lib(cu|nv|nccl)")


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needs(library: str) -> tuple[set[str], dict[str, set[str]]]:
    """Which libraries a library links to, and which versions it wants of each."""
    text = output("objdump", "-p", library)
    versions: dict[str, set[str]] = {}
    of = ""
    for line in text.partition("Version References:")[2].splitlines():
        if found := re.match(r"\s+required from (\S+):", line):
            of = found[1]
        elif found := re.match(r"\s+0x\S+ 0x\S+ \d+ (\S+)", line):
            versions.setdefault(of, set()).add(found[1])
    return set(re.findall(r"NEEDED\s+(\S+)", text)), versions


def main() -> None:
    folder, target = sys.argv[1:3]
    os.makedirs(target, exist_ok=True)
    libraries = sorted(glob.glob(f"{folder}/*.so*"))
    wanted: set[str] = set()
    versions: dict[str, set[str]] = {}
    functions: set[str] = set()
    for library in libraries:
        linked, of = needs(library)
        wanted |= {name for name in linked if LIBRARY.match(name)}
        for name, some in of.items():
            versions.setdefault(name, set()).update(some)
        for line in output("nm", "-D", "--undefined-only", library).splitlines():
            functions |= {name for name in [line.split()[-1].partition("@")[0]] if FUNCTION.match(name)}
    present = {os.path.basename(library) for library in libraries} | {"libcuda.so.1"}
    source = os.path.join(target, "stand_ins.c")
    with open(source, "w", encoding="utf-8") as file:
        file.writelines(f"int {name}(void) {{ return 100; }}\n" for name in sorted(functions))
    for name in sorted(wanted - present):
        command = ["gcc", "-shared", "-fPIC", "-O0", "-w", f"-Wl,-soname,{name}", "-o", os.path.join(target, name), source]
        if some := sorted(versions.get(name, ())):
            script = os.path.join(target, f"{name}.map")
            with open(script, "w", encoding="utf-8") as file:
                file.writelines(f"{version} {{{' global: *;' if i == 0 else ''} }};\n" for i, version in enumerate(some))
            command.append(f"-Wl,--version-script={script}")
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
