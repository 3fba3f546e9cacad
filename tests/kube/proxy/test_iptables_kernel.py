"""The kernel takes our iptables rules, and iptables-save prints of them what we print."""

import os
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from svclab.kube.node_rules import kernel_tables
from svclab.kube.proxy.iptables import Ruleset, compile_rules
from svclab.linux.iptables.save import print_save
from tests.kernel.clusters import random_node
from tests.recordings.cases import config_of, proxy_cases

SMALL = [name for name, case in proxy_cases().items() if "rules" in case]
TOOLS = ("unshare", "iptables-restore", "ip6tables-restore")
HAVE_TOOLS = all(map(shutil.which, TOOLS)) and os.geteuid() == 0


def restore_text(ruleset: Ruleset) -> str:
    """All tables with their built-in chains and jumps, for an empty network namespace."""
    lines = []
    for table in ruleset.tables:
        lines.append(f"*{table.name}")
        lines += [f":{chain} {'ACCEPT' if chain in table.built_in else '-'} [0:0]" for chain in table.chains]
        lines += [f"-A {rule.chain} {rule.text}" for rule in table.rules]
        lines.append("COMMIT")
    return "\n".join(lines) + "\n"


def normalised(text: str) -> str:
    """Without comment lines and counters."""
    lines = [re.sub(r"\[\d+:\d+\]", "[0:0]", line) for line in text.splitlines() if not line.startswith("#")]
    return "\n".join(lines) + "\n"


def listed(ruleset: Ruleset) -> tuple[str, str]:
    """What the kernel's tool says to the rules and prints of them, and what we print."""
    tool = "ip6tables" if ruleset.config.ip_version == 6 else "iptables"
    script = f"{tool}-restore && {tool}-save -t mangle && {tool}-save -t filter && {tool}-save -t nat"
    run = subprocess.run(
        ["unshare", "-n", "sh", "-c", script],
        input=restore_text(ruleset),
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stderr + normalised(run.stdout), print_save(kernel_tables(ruleset))


pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(not HAVE_TOOLS, reason="needs root, unshare, iptables-restore and ip6tables-restore"),
]


@pytest.mark.parametrize("name", SMALL)
def test_iptables_save_prints_of_our_rules_what_we_print(name):
    case = proxy_cases()[name]
    # The counters that nfacct matches name would have to be made first, and this kernel may not have them.
    config = replace(config_of(case), nfacct=False)

    theirs, ours = listed(compile_rules(case["services"], case["endpointSlices"], config))

    assert theirs == ours


@pytest.mark.parametrize("number", range(8))
def test_iptables_save_prints_of_the_rules_of_random_clusters_what_we_print(number):
    snapshot, config = random_node(f"text-{number}")

    theirs, ours = listed(compile_rules(snapshot.list("Service"), snapshot.list("EndpointSlice"), config))

    assert theirs == ours
