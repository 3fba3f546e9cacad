"""The small tools on text, against what GNU's (or util-linux's) print: rows of (line, what it prints)."""

import pytest

PODS = """\
NAME      READY   STATUS    RESTARTS   AGE
web-a     1/1     Running   0          10s
web-b     0/1     Pending   3          2m
dns-1     1/1     Running   1          5m
"""

ROWS = [
    ("grep web pods", "web-a     1/1     Running   0          10s\nweb-b     0/1     Pending   3          2m\n"),
    ("grep -c Running pods; grep -v Running pods | wc -l", "2\n2\n"),
    ("grep -n -i 'PENDING' pods", "3:web-b     0/1     Pending   3          2m\n"),
    ("grep -oE '[a-z]+-[a-z0-9]' pods", "web-a\nweb-b\ndns-1\n"),
    ("grep -q web pods && echo yes; grep -q nope pods; echo $?", "yes\n1\n"),
    ("grep -A1 web-a pods | tail -1 | cut -c1-5; grep -B1 dns pods | head -1 | cut -c1-5", "web-b\nweb-b\n"),
    ("grep -w 0 pods | wc -l; grep -e web-a -e dns pods | wc -l; grep -F '1/1' pods | wc -l", "2\n2\n2\n"),
    ("grep 'x\\|Pending' pods | cut -c1-5; grep -E '(a|b)$' none; echo $?", "web-b\ngrep: none: No such file or directory\n2\n"),
    ("echo a+b | grep 'a+b'; echo aab | grep -E 'a+b'; echo 'a.b' | grep -F a.b", "a+b\naab\na.b\n"),
    ("grep -l web pods nums; grep -c . pods nums; grep -h 1 nums", "pods\npods:4\nnums:5\n17\n10\n1\n"),
    ("grep '[' pods", "grep: Unmatched [, [^, [:, [., or [=\n"),
    ("awk '{print $1}' pods | head -2", "NAME\nweb-a\n"),
    ("awk 'NR>1 {print $1\":\"$4}' pods", "web-a:0\nweb-b:3\ndns-1:1\n"),
    ("awk '$3==\"Running\" {n++} END {print n}' pods", "2\n"),
    ("awk -F- '/web/ {print $2}' pods | cut -c1", "a\nb\n"),
    ("awk '{s+=$1} END {print s, s/NR, NR}' nums", "40 8 5\n"),
    ("awk 'BEGIN {for (i = 1; i <= 3; i++) printf \"%d-\", i; print \"\"}'", "1-2-3-\n"),
    ("awk '{a[$3]++} END {for (k in a) print k, a[k]}' pods | sort", "Pending 1\nRunning 2\nSTATUS 1\n"),
    ("echo 'a b c' | awk '{$2=\"X\"; print; print NF, $NF}'", "a X c\n3 c\n"),
    ("echo x,y | awk -F, -v OFS=- '{print $2, $1; print toupper($1) length($0)}'", "y-x\nX3\n"),
    ("awk 'NR==2, NR==3 {print NR}' pods; awk 'END {print $1}' nums", "2\n3\n3\n"),
    ("awk '{print $1' pods", "awk: syntax error: unexpected end of program\n"),
    ("sed 's/web/WEB/' pods | sed -n 2p | cut -c1-5", "WEB-a\n"),
    ("sed -n '/dns/p' pods | cut -c1-5; sed '1d;3d' pods | wc -l", "dns-1\n2\n"),
    ("echo aaa | sed 's/a/b/2'; echo aaa | sed 's/a/b/g'; echo abc | sed -E 's/(a)(b)/\\2\\1/'", "aba\nbbb\nbac\n"),
    ("echo /a/b | sed 's|/|:|g'; echo x | sed 's/x/[&]/'; echo X | sed 's/x/y/I'", ":a:b\n[x]\ny\n"),
    ("sed -n '2,3p' nums; sed '$d' nums | wc -l; sed -n '$=' nums", "9\n10\n4\n5\n"),
    ("sed -i 's/10/ten/' nums; grep ten nums; sed '1i first' nums | head -1; echo x | sed 'a after'", "ten\nfirst\nx\nafter\n"),
    ("echo x | sed 's/x'", "sed: -e expression #1, char 3: unterminated `s' command\n"),
    ("sort nums; sort -n nums | head -1; sort -rn nums | head -1", "1\n10\n17\n3\n9\n1\n17\n"),
    ("printf 'b 2\\na 10\\n' | sort -k2 -n; printf 'b:1\\na:2\\n' | sort -t: -k2 -r", "b 2\na 10\na:2\nb:1\n"),
    ("printf 'b\\na\\nb\\n' | sort -u; printf 'b\\na\\nb\\n' | sort | uniq -c", "a\nb\n      1 a\n      2 b\n"),
    ("printf 'a\\na\\nb\\n' | uniq -d; printf '2K\\n1M\\n3\\n' | sort -h", "a\n3\n2K\n1M\n"),
    ("cut -d' ' -f1 pods | head -2; echo a,b,c | cut -d, -f1,3; echo a:b | cut -d: -f2-; echo abc | cut -c2", "NAME\nweb-a\na,c\nb\nb\n"),
    ("seq 5 | head -n -3; seq 5 | head -c -8; echo; seq 5 | tail -n -1; seq 3 | head -1", "1\n2\n1\n\n5\n1\n"),
    ("seq 3 | paste -d, - -; echo aGVsbG8 | base64 -d", "1,2\n3,\nhellobase64: invalid input\n"),
    ("head -n 1 nums; head -2 nums | tail -1; tail -n +5 nums; tail -2 nums; head -c 3 nums", "17\n9\n3\n1\n3\n17\n"),
    ("wc -l nums; wc -w < pods; printf 'a b\\n' | wc; printf 'ab' | wc -c", "5 nums\n20\n      1       2       4\n2\n"),
    ("echo hello | tr a-z A-Z; echo a-b-c | tr -d -; echo aabb | tr -s a; echo 'a b' | tr ' ' '\\n'", "HELLO\nabc\nabb\na\nb\n"),
    ("seq 3; seq 2 2 6 | paste -sd+; seq -w 9 10; seq -s, 3; seq 3 -1 1 | tr '\\n' ' '", "1\n2\n3\n2+4+6\n09\n10\n1,2,3\n3 2 1 "),
    ("echo -n secret | base64; echo c2VjcmV0 | base64 -d; echo; echo '!' | base64 -d", "c2VjcmV0\nsecret\nbase64: invalid input\n"),
    ("printf 'a b\\nlong c\\n' | column -t; echo abc | rev; seq 2 | tac; seq 2 | nl", "a     b\nlong  c\ncba\n2\n1\n     1\t1\n     2\t2\n"),
    ("seq 5 | xargs -n 2 echo; seq 2 | xargs -I{} echo n{}; printf '' | xargs -r echo x", "1 2\n3 4\n5\nn1\nn2\n"),
    ("echo x | tee a b > /dev/null; cat a b; echo y | tee -a a; wc -l < a", "x\nx\ny\n2\n"),
    ("printf 'a\\nb\\n' > l; printf 'a\\nc\\n' > r; diff l r; echo $?; diff -q l r", "2c2\n< b\n---\n> c\n1\nFiles l and r differ\n"),
    ("cat -n nums | head -1; cat none; basename /a/b.yaml .yaml; dirname /a/b", "     1\t17\ncat: none: No such file or directory\nb\n/a\n"),
    ("mkdir d; cp nums d; ls d; mv d/nums d/n; ls d; rm -r d; ls d", "nums\nn\nls: cannot access 'd': No such file or directory\n"),
    ("rm none; touch t && rm t && ls t; mkdir a/b/c", "rm: cannot remove 'none': No such file or directory\nls: cannot access 't': No such file or directory\nmkdir: cannot create directory \u2018a/b/c\u2019: No such file or directory\n"),
    ("mkdir -p a/b; touch a/b/f.yaml; find a -name '*.yaml'; find a -type d", "a/b/f.yaml\na\na/b\n"),
    ("head -x nums; cut nums; sort -k0 nums", "head: invalid option -- 'x'\nTry 'head --help' for more information.\ncut: you must specify a list of bytes, characters, or fields\nTry 'cut --help' for more information.\nsort: field number is zero: invalid field specification \u20180\u2019\n"),
    # jq
    ("jq -r '.items[].metadata.name' j; jq '.items|length' j", "a\nb\n2\n"),
    ("jq -c '.items[]|select(.n>1)|{name:.metadata.name,n}' j", '{"name":"a","n":2}\n'),
    ("jq -r '.items|map(.n)|add' j; jq -r '.items|sort_by(.n)|.[0].metadata.name' j", "3\nb\n"),
    ("jq '.items[0].metadata' j; jq -r '.items[0] | \"\\(.metadata.name)-\\(.n)\"' j", '{\n  "name": "a"\n}\na-2\n'),
    ("jq '.none // \"default\"' j; jq -r '.items[]|[.metadata.name,.n]|@tsv' j", '"default"\na\t2\nb\t1\n'),
    ("echo '{\"a\":{\"b\":[1,2]}}' | jq -c '.a.b[1], (.a|keys), (.a.b|map(.+1)), (.a.c?), has(\"a\")'", '2\n["b"]\n[2,3]\nnull\ntrue\n'),
    ("jq -n '[range(4)]|map(select(.%2==0))|length'; jq -nr --arg x v '$x'; jq -c 'del(.items)' j", "2\nv\n{}\n"),
    ("echo '[3,1,2]' | jq -c 'sort,max,(.[1:]),(map(tostring)|join(\"-\"))'", '[1,2,3]\n3\n[1,2]\n"3-1-2"\n'),
    ("echo '{\"a\":1}' | jq -c '.a |= .+1, to_entries, with_entries(.value+=1)'", '{"a":2}\n[{"key":"a","value":1}]\n{"a":2}\n'),
    ("echo '1' | jq .a; echo $?; echo x | jq .; echo '{}' | jq -e .a; echo $?", 'jq: error (at <stdin>:1): Cannot index number with string "a"\n5\nparse error: Invalid numeric literal at line 2, column 0\nnull\n1\n'),
    ("jq '.[' j", "jq: error: syntax error, unexpected end of filter\njq: 1 compile error\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "printed"), ROWS, ids=[line[:60] for line, _ in ROWS])
def test_a_tool_prints_what_the_real_one_prints(sh, line, printed):
    sh.store.texts |= {
        "pods": PODS,
        "nums": "17\n9\n10\n1\n3\n",
        "j": '{"items":[{"metadata":{"name":"a"},"n":2},{"metadata":{"name":"b"},"n":1}]}',
    }
    assert sh(line) == printed


def test_a_files_text_survives_the_session(at, sh):
    sh("echo kept > note.txt; mkdir dir; echo deep > dir/f")
    assert sh.store.texts == {"note.txt": "kept\n", "dir/": "", "dir/f": "deep\n"}


def test_sleep_and_date_follow_the_clusters_clock(sh):
    before = sh.session.cluster.time
    assert sh("date +%Y; sleep 30; date +%H:%M") == "2026\n12:00\n"
    assert 30 <= (sh.session.cluster.time - before).total_seconds() < 33
    assert sh("timeout 2 sleep 100; echo $?") == "124\n"


def test_who_and_where_depend_on_the_place(at):
    assert at()("hostname; whoami; hostname -i") == "laptop\nlearner\n192.0.2.50\n"
    assert at("netshoot")("hostname; whoami; hostname -i") == "debug\nroot\n10.244.1.9\n"
    assert at("node1")("hostname; hostname -i; sudo id -u") == "node1\n192.168.64.11\n0\n"


def test_a_pods_files_are_the_kubelets(at):
    pod = at("netshoot")
    assert pod("cat /etc/resolv.conf") == (
        "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
    )
    assert pod("tail -1 /etc/hosts") == "10.244.1.9\tdebug\n"
    assert pod("env | grep HOSTNAME; cat /etc/hostname") == "HOSTNAME=debug\ndebug\n"


def test_an_image_has_what_it_has(at):
    web = at("nginx")
    assert web("dig x") == "bash: dig: command not found\n"
    assert web.session.status == 127
    assert at("busybox", "sh")("curl x") == "sh: curl: not found\n"
    assert (
        at("netshoot")("which tcpdump iptables kubectl; echo $?")
        == "/usr/bin/tcpdump\n/usr/bin/iptables\n1\n"
    )
