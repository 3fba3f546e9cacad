"""What the live comparison needs, and a sentence about what is not there."""

import os
import shutil
import subprocess
import sys

PROGRAMS = {"ip": "iproute2", "iptables-restore": "iptables", "sysctl": "procps", "nft": "nftables"}


def missing() -> str:
    """Why the comparison cannot run here; "" if it can."""
    if not sys.platform.startswith("linux"):
        return "The live comparison needs Linux."
    if os.geteuid() != 0:
        return "The live comparison makes network namespaces, so it needs root."
    for program, package in PROGRAMS.items():
        if not shutil.which(program):
            return f"The live comparison needs the program {program} (package {package})."
    tried = subprocess.run(
        ["unshare", "-n", "iptables", "-t", "nat", "-L", "-n"], capture_output=True, check=False
    )
    if tried.returncode:
        return "The live comparison needs a kernel with network namespaces and iptables' nat table."
    return ""
