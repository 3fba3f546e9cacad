"""`make bench`: figures of this machine, as ratios wherever a ratio says more. Loopback only, bounded in time."""

import importlib
import os
import platform
import subprocess
import sys

PARTS = ("flight", "engine", "rules", "api")


def main() -> None:
    """Each part in a process of its own, so that none measures another's memory."""
    if len(sys.argv) > 1:
        importlib.import_module(f"tests.bench.bench_{sys.argv[1]}").main()
        return
    cores = os.cpu_count()
    sys.stdout.write(
        f"{platform.system()} {platform.release()}, {cores} cores, Python {platform.python_version()}\n"
    )
    for part in PARTS:
        sys.stdout.write(f"\n{part}\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-m", "tests.bench", part], check=False)


if __name__ == "__main__":
    main()
