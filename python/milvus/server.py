"""Milvus Lite's server, which ends in good order when it is asked to, and with the process that started it.

`server.py --data-dir D --host H --port P` is `milvus-lite server …`, which closes its files on Ctrl-C alone. With
GAINSTREAM_TIED=1, standard input is a pipe that the starter holds open and never writes to: when it closes, the starter is
gone, by whatever signal.
"""

import os
import signal
import sys
import threading


def end_with_starter() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


def interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    if os.environ.pop("GAINSTREAM_TIED", "") == "1":
        threading.Thread(target=end_with_starter, name="starter", daemon=True).start()
    from milvus_lite.cmdline import main

    signal.signal(signal.SIGTERM, interrupt)
    sys.exit(main(["server", *sys.argv[1:]]))
