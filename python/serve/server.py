"""vLLM's own command, which ends when the process ends that started it.

`server.py serve MODEL …` is `vllm serve MODEL …`. With GAINSTREAM_TIED=1, standard input is a pipe that the starter holds
open and never writes to: when the pipe closes, the starter is gone, by whatever signal, and nobody is left to stop a server
of several gigabytes. Its processes form a group of their own, which is killed as a whole.
"""

import os
import signal
import threading


def end_with_starter() -> None:
    while os.read(0, 1):
        pass
    os.killpg(os.getpgrp(), signal.SIGKILL)


if __name__ == "__main__":  # processes that vLLM starts import this file, too
    if os.environ.pop("GAINSTREAM_TIED", "") == "1" and os.getpgrp() == os.getpid():
        threading.Thread(target=end_with_starter, name="starter", daemon=True).start()
    from vllm.entrypoints.cli.main import main

    main()
