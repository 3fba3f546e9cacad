"""`iptables -L` prints what the real one printed of the recorded rules, byte for byte."""

import json
import re
from pathlib import Path

import pytest

from svclab.linux.iptables.rules import Table
from svclab.linux.iptables.save import parse_save
from svclab.terminal.commands.iptables.counters import Counters
from svclab.terminal.commands.iptables.listing import Style, chain_text, count_text

HERE = Path(__file__).parent
LISTINGS = json.loads((HERE / "data" / "iptables-listings.json").read_text())
ROWS = [(place, options) for place, listings in LISTINGS.items() for options in listings]


def rules_of(place: str) -> dict[str, Table]:
    name, node = place.split("/")
    text = json.loads((HERE.parent / "recordings" / f"{name}.json").read_text())["iptables"][node]
    return parse_save(re.sub(r" -m nfacct --nfacct-name +\S+", "", text))


@pytest.mark.parametrize(("place", "options"), ROWS, ids=[f"{place}: {options}" for place, options in ROWS])
def test_every_chain_is_printed_as_iptables_prints_it(place, options):
    table = rules_of(place)[options.split()[0]]
    style = Style("-n" in options.split(), "-v" in options, "--line-numbers" in options, "-x" in options)
    real = dict(re.findall(r"^(Chain (\S+) .*?)(?:\n\n|\Z)", LISTINGS[place][options], re.DOTALL | re.MULTILINE)[i][::-1]
                for i in range(len(table.chains)))  # fmt: skip
    ours = {
        chain.name: chain_text("node/x", table, chain, style, Counters()) for chain in table.chains.values()
    }
    assert {name: text.rstrip("\n") for name, text in ours.items()} == {
        name: text.rstrip("\n") for name, text in real.items()
    }


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (99999, "99999"), (100000, "100K"), (9999999, "10M"), (1234567, "1235K"), (12345678, "12M")],
)
def test_large_counters_are_shortened(number, text):
    assert count_text(number, exact=False) == text
    assert count_text(number, exact=True) == str(number)
