"""A short run of the live comparison: the kernel does with our rules what the engine says."""

import pytest

from tests.kernel.compare import compare
from tests.kernel.hits import compare_hits
from tests.kernel.requirements import missing

WHY_NOT = missing()
pytestmark = [pytest.mark.kernel, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)]


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
@pytest.mark.parametrize("seed", ["short-0", "short-1"])
def test_the_kernel_does_what_the_engine_predicts(seed, mode):
    report = compare(seed, mode, 40, "iptables-restore")

    assert report.flows == 40
    assert report.disagreements == []
    assert report.ends["answered"] > 0


@pytest.mark.parametrize("mode", ["iptables", "nftables"])
def test_a_request_hits_the_rules_in_the_kernel_that_the_trace_says(mode):
    assert compare_hits("hits-0", mode, 15, "iptables-restore") == []
