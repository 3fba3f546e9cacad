"""What iptables 1.8.9 (nf_tables) makes of its command line; the refusals are the real one's, byte for byte."""

import pytest

from svclab.terminal.commands.iptables.asked import Asked, WrongWords, read


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("-L", Asked(command="L")),
        ("-t nat -L KUBE-SERVICES -n -v --line-numbers",
         Asked("nat", "L", "KUBE-SERVICES", flags={"n", "v", "#"})),
        ("-t nat -nvxL KUBE-SERVICES 2", Asked("nat", "L", "KUBE-SERVICES", 2, {"n", "v", "x"})),
        ("--list INPUT --table=filter --numeric", Asked("filter", "L", "INPUT", flags={"n"})),
        ("-tnat -S POSTROUTING 1 -v", Asked("nat", "S", "POSTROUTING", 1, {"v"})),
        ("-Lnv", Asked(command="L", chain="nv")),
        ("-w 5 -S", Asked(command="S", flags={"w"})),
        ("--list INPUT --line --num", Asked(command="L", chain="INPUT", flags={"#", "n"})),
        ("-C INPUT -p tcp --dport 80 -j DROP",
         Asked(command="C", chain="INPUT", rule=["-p", "tcp", "--dport", "80", "-j", "DROP"])),
    ],
)  # fmt: skip
def test_options_chain_and_number_are_read_in_any_order(words, asked):
    assert read(words.split()) == asked


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "iptables v1.8.9 (nf_tables): no command specified"),
        ("-x", "iptables v1.8.9 (nf_tables): no command specified"),
        ("-L -n KUBE-SERVICES", "Bad argument `KUBE-SERVICES'"),
        ("-nL -t nat KUBE-POSTROUTING", "Bad argument `KUBE-POSTROUTING'"),
        ("-L INPUT OUTPUT", "iptables v1.8.9 (nf_tables): Invalid rule number `OUTPUT'"),
        ("-L INPUT 0", "iptables v1.8.9 (nf_tables): Invalid rule number `0'"),
        ("-nLv INPUT", "iptables v1.8.9 (nf_tables): Invalid rule number `INPUT'"),
        ("-L INPUT 1 2", "Bad argument `2'"),
        ("-S -n", "iptables v1.8.9 (nf_tables): Illegal option `-n' with this command"),
        ("-S --line-numbers", "iptables v1.8.9 (nf_tables): Illegal option `-0' with this command"),
        ("-L INPUT -p tcp", "iptables v1.8.9 (nf_tables): Illegal option `-p' with this command"),
        ("-L INPUT -S", "iptables v1.8.9 (nf_tables): Cannot use -S with -L"),
        ("-C", 'iptables v1.8.9 (nf_tables): option "-C" requires an argument'),
        ("--n", 'iptables v1.8.9 (nf_tables): unknown option "--n"'),
    ],
)
def test_words_that_mean_nothing_are_refused(words, message):
    with pytest.raises(WrongWords) as refused:
        read(words.split())
    assert str(refused.value) == f"{message}\nTry `iptables -h' or 'iptables --help' for more information."
    assert refused.value.status == 2
