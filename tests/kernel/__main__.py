"""`python -m tests.kernel`: random clusters in network namespaces, our rules in the kernel, real connections.

Prints flows, agreements, and for each disagreement a minimal reproduction. Exit code 1 if there is one,
2 where it cannot run.
"""

import argparse
import json
import sys
import time

from tests.kernel.clusters import random_settings
from tests.kernel.compare import Disagreement, Report, compare, smaller
from tests.kernel.hits import compare_hits
from tests.kernel.requirements import missing

MODES = ("iptables", "nftables")


def main() -> int:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.kernel", description=__doc__)
    parser.add_argument("--clusters", type=int, default=30, help="random clusters to draw")
    parser.add_argument("--flows", type=int, default=2100, help="requests in all of them together")
    parser.add_argument("--seed", default="svclab", help="what the clusters are drawn from")
    parser.add_argument("--mode", choices=MODES, default="iptables", help="kube-proxy's mode")
    parser.add_argument(
        "--rules", action="store_true", help="compare the rules that each request hits instead"
    )
    parser.add_argument("--restore", default="iptables-restore", help="the program that loads iptables rules")
    options = parser.parse_args()
    lacking = missing()
    if lacking:
        sys.stderr.write(f"{lacking}\n")
        return 2
    share = -(-options.flows // options.clusters)
    if options.rules:
        return rules(options, share)
    total, begun = Report(), time.monotonic()
    for number in range(options.clusters):
        seed = f"{options.seed}-{number}"
        report = compare(seed, options.mode, share, options.restore)
        total.add(report)
        say(f"cluster {seed}: {report.flows} flows, {len(report.disagreements)} disagreements")
    for found in total.disagreements[:3]:
        say(reproduction(found, options.restore))
    ends = ", ".join(f"{count} {end}" for end, count in total.ends.most_common())
    wrong = len({(found.seed, found.flow) for found in total.disagreements})
    took = f"{options.clusters} clusters, {options.mode} mode, {time.monotonic() - begun:.0f} s"
    say(f"{took}: {total.flows} flows, {total.flows - wrong} agree\nconnections: {ends}")
    return 1 if total.disagreements else 0


def rules(options: argparse.Namespace, share: int) -> int:
    """Compare the rules that requests hit, and print."""
    wrong = 0
    for number in range(options.clusters):
        seed = f"{options.seed}-{number}"
        found = compare_hits(seed, options.mode, share, options.restore)
        wrong += len(found)
        say(f"cluster {seed}: {share} flows, {len(found)} hit other rules")
        for each in found[:3]:
            say(str(each))
    say(f"{options.clusters} clusters, {options.mode} mode: {options.clusters * share - wrong} flows agree")
    return 1 if wrong else 0


def say(text: str) -> None:
    """A line of output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def reproduction(found: Disagreement, restore: str) -> str:
    """The smallest cluster in which the flow still ends otherwise than predicted."""
    objects = list(smaller(found, restore))
    lines = [
        f"\nDISAGREEMENT in cluster {found.seed} ({found.mode}): {found.flow}",
        f"  predicted: {sorted(map(str, found.predicted))}",
        f"  kernel:    {found.real}",
        f"  settings:  {random_settings(found.seed)}",
        "  objects:",
        *(f"    {json.dumps(each)}" for each in objects),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
