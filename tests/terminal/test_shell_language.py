"""What bash does with a line: rows of (line, what it prints); all but those of jobs and exit are bash
5.2's.
"""

import pytest

ROWS = [
    # words, quotes, variables
    ("echo hello   world", "hello world\n"),
    ("echo 'a  b' \"c  d\" e\\ f", "a  b c  d e f\n"),
    ("x=5; echo $x ${x}0 '$x' \"$x\"", "5 50 $x 5\n"),
    ("unset x; echo [$x] [${x:-none}] [${x-unset}] [${x:+set}]", "[] [none] [unset] []\n"),
    ("unset x; echo ${x:=given} $x", "given given\n"),
    ("p=/a/b/c.tar.gz; echo ${p##*/} ${p%/*} ${p%%.*} ${p#*/} ${#p}", "c.tar.gz /a/b /a/b/c a/b/c.tar.gz 13\n"),
    ("s=hello; echo ${s/l/L} ${s//l/L} ${s^} ${s^^} ${s:1:3} ${s: -2}", "heLlo heLLo Hello HELLO ell lo\n"),
    ("a='x y'; for w in $a; do echo [$w]; done; for w in \"$a\"; do echo [$w]; done", "[x]\n[y]\n[x y]\n"),
    ("printf '%s\\n' \"a b\" c", "a b\nc\n"),
    ("echo $'tab\\there' $'it\\'s'", "tab\there it's\n"),
    ("IFS=:; v=a:b:c; for w in $v; do echo $w; done", "a\nb\nc\n"),
    # substitution and arithmetic
    ("echo $(echo one; echo two) `echo three`", "one two three\n"),
    ("echo \"$(printf 'a\\nb\\n\\n')\"", "a\nb\n"),
    ("echo $((1 + 2 * 3)) $((7 / 2)) $((7 % 3)) $((2 ** 10)) $((1 << 4)) $(( (1+2)*3 ))", "7 3 1 1024 16 9\n"),
    ("i=5; echo $((i++)) $i $((++i)) $((i > 3 ? 10 : 20))", "5 6 7 10\n"),
    ("echo $((0x1f)) $((010)) $((-7 / 2)) $((! 0)) $((5 & 3 | 8))", "31 8 -3 1 9\n"),
    ("x=3; ((x += 4)); echo $x; ((x == 7)) && echo yes; let x=x*2; echo $x", "7\nyes\n14\n"),
    # braces and file names
    ("echo {1..5} {a,b}c x{1,2}{a,b} {3..1} {01..03} {a..e..2}", "1 2 3 4 5 ac bc x1a x1b x2a x2b 3 2 1 01 02 03 a c e\n"),
    ("echo {a} '{b,c}' {1..}", "{a} {b,c} {1..}\n"),
    ("touch b.txt a.txt c.md; echo *.txt ?.md [ab].* *.none", "a.txt b.txt c.md a.txt b.txt *.none\n"),
    ("echo ~ ~/x '~'", "/home/learner /home/learner/x ~\n"),
    # lists, pipes, conditions
    ("true && echo a || echo b; false && echo c || echo d", "a\nd\n"),
    ("false; echo $?; ! false; echo $?; (exit 3); echo $?", "1\n0\n3\n"),
    ("echo a | tr a b | tr b c", "c\n"),
    ("false | true; echo $?; set -o pipefail; false | true; echo $?", "0\n1\n"),
    ("false && echo x | cat; echo end", "end\n"),
    ("if [ 1 -lt 2 ]; then echo lt; elif true; then echo no; else echo ge; fi", "lt\n"),
    ("if false; then echo a; elif true; then echo b; fi", "b\n"),
    ("[ -z '' ] && [ -n x ] && [ a = a ] && [ a != b ] && [ 3 -ge 3 ] && echo ok", "ok\n"),
    ("[ ! -f none ] && touch f && [ -f f ] && [ -d . ] && [ ! -s f ] && echo files", "files\n"),
    ("[[ abc == a* && abc != b* ]] && echo glob; [[ v12 =~ ^v([0-9]+)$ ]] && echo ${BASH_REMATCH[1]}", "glob\n12\n"),
    ("x='a b'; [[ $x == 'a b' ]] && echo same; [[ -z $y || -n $x ]] && echo or", "same\nor\n"),
    ("[[ 10 -gt 9 ]] && echo number; [[ 10 < 9 ]] && echo text", "number\ntext\n"),
    # loops
    ("for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done", "1\n3\n"),
    ("for ((i = 0; i < 3; i++)); do echo $i; done", "0\n1\n2\n"),
    ("n=3; while [ $n -gt 0 ]; do echo $n; n=$((n - 1)); done", "3\n2\n1\n"),
    ("n=0; until [ $n -ge 2 ]; do n=$((n + 1)); done; echo $n", "2\n"),
    ("for a in 1 2; do for b in x y; do [ $b = y ] && continue 2; echo $a$b; done; done", "1x\n2x\n"),
    ("while true; do break; done; echo out", "out\n"),
    ("printf '1 a\\n2 b\\n' | while read n l; do echo \"$l=$n\"; done", "a=1\nb=2\n"),
    ("case foo.yaml in *.json) echo j;; *.yaml|*.yml) echo y;; *) echo other;; esac", "y\n"),
    ("case x in x) echo 1;;& *) echo 2;; esac; case x in x) echo 3;& y) echo 4;; esac", "1\n2\n3\n4\n"),
    # functions, parameters
    ("f() { echo $# $1 \"$@\"; return 4; }; f 'a b' c; echo $?", "2 a b a b c\n4\n"),
    ("f() { local x=in; echo $x; }; x=out; f; echo $x", "in\nout\n"),
    ("function g { echo $(( $1 * 2 )); }; g 21", "42\n"),
    ("set -- a 'b c' d; echo $# \"$2\"; shift; echo $1; for x; do echo \"[$x]\"; done", "3 b c\nb c\n[b c]\n[d]\n"),
    ("fact() { if [ $1 -le 1 ]; then echo 1; else echo $(( $1 * $(fact $(( $1 - 1 ))) )); fi; }; fact 6", "720\n"),
    # arrays
    ("a=(x 'y z' w); echo ${#a[@]} ${a[1]} ${a[@]:1:1} ${!a[@]}", "3 y z y z 0 1 2\n"),
    ("a=(1 2); a+=(3); a[5]=6; echo ${a[@]} ${a[-1]}; unset 'a[0]'; echo ${a[*]}", "1 2 3 6 6\n2 3 6\n"),
    ("declare -A m; m[k]=v; m[other]=w; echo ${m[k]} ${#m[@]}", "v 2\n"),
    # redirections and here-documents
    ("echo one > f; echo two >> f; cat f; cat < f | wc -l", "one\ntwo\n2\n"),
    ("nothere 2> err; cat err", "bash: nothere: command not found\n"),
    ("{ echo out; echo err >&2; } > both 2>&1; cat both", "out\nerr\n"),
    ("nothere &> all; wc -l < all", "1\n"),
    ("echo quiet > /dev/null; echo loud >&2 2> /dev/null", "loud\n"),
    ("x=1; cat <<EOF\nx is $x and $((x + 1))\n\\$x\nEOF", "x is 1 and 2\n$x\n"),
    ("cat <<'EOF'\n$x `y`\nEOF", "$x `y`\n"),
    ("cat <<-EOF\n\ttabs\n\tgone\n\tEOF", "tabs\ngone\n"),
    ("cat <<EOF | tr a-z A-Z\npiped\nEOF", "PIPED\n"),
    ("cat - <<A; cat <<B\n1\nA\n2\nB", "1\n2\n"),
    ("cat <<< 'here string'; read a b <<< '1 2 3'; echo $b", "here string\n2 3\n"),
    ("diff <(echo a) <(echo a) && echo same", "same\n"),
    # aliases, groups, subshells, environment
    ("alias ll='ls -1'\ntouch q; ll", "q\n"),
    ("x=1; (x=2; echo $x); echo $x; { x=3; }; echo $x", "2\n1\n3\n"),
    ("export E=1; env | grep ^E=; E=2 env | grep ^E=; echo $E", "E=1\nE=2\n1\n"),
    ("bash -c 'echo $0 $1' name arg; echo 'echo from stdin' | bash", "name arg\nfrom stdin\n"),
    ("cat > s.sh <<'E'\necho script $1\nexit 5\nE\nbash s.sh a; echo $?; source s.sh", "script a\n5\nscript\nexit\n"),
    ("type echo ls if nosuch", "echo is a shell builtin\nls is /usr/bin/ls\nif is a shell keyword\nbash: type: nosuch: not found\n"),
    ("eval 'y=4; echo $y'; command echo plain; true; echo ${PIPESTATUS[0]}", "4\nplain\n0\n"),
    ("getopt_() { while getopts 'ab:' o; do echo $o $OPTARG; done; }; getopt_ -a -b val", "a\nb val\n"),
    ("readonly r=1; r=2; echo $r", "bash: r: readonly variable\n"),
    ("set -e; (false; echo unreached); echo unreached too", "exit\n"),
    ("# only a comment\necho a # b", "a\n"),
    ("echo a; echo b & wait", "a\n[1] 4207\nb\n[1]+  Done                    echo b\n"),
    ("printf '%05.1f|%-4s|%x|%c|%%|%b\\n' 3.14159 ab 255 xyz 'a\\tb'", "003.1|ab  |ff|x|%|a\tb\n"),
    ("echo -e 'a\\tb\\n' -n; echo -n x; echo -E 'y\\t'", "a\tb\n -n\nxy\\t\n"),
    # what goes wrong
    ("echo )", "bash: syntax error near unexpected token `)'\n"),
    ("nosuchcommand", "bash: nosuchcommand: command not found\n"),
    ("cat < none", "bash: none: No such file or directory\n"),
    ("echo $((1 / 0)); echo after", "bash: 1 / 0: division by 0 (error token is \"0\")\n"),
    ("cd nowhere; cd /tmp; pwd; cd - > /dev/null; pwd", "bash: cd: nowhere: No such file or directory\n/tmp\n/home/learner\n"),
    ("echo x > /nodir/f; echo $?", "bash: /nodir/f: No such file or directory\n1\n"),
    ("[ 1 -eq x ]; echo $?", "bash: [: x: integer expression expected\n2\n"),
    ("${x?gone}", "bash: x: gone\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "printed"), ROWS, ids=[line[:60] for line, _ in ROWS])
def test_a_line_prints_what_bash_prints(sh, line, printed):
    assert sh(line) == printed


def test_a_redirection_belongs_to_the_last_command_of_a_list(sh):
    assert sh("echo seen && echo kept > f") == "seen\n"
    assert sh("cat f") == "kept\n"


def test_a_pipe_binds_closer_than_and(sh):
    assert sh("false && echo no | cat; true && echo yes | tr y Y") == "Yes\n"


def test_variables_and_functions_live_on_between_lines(sh):
    sh("x=1; f() { echo f$x; }")
    assert sh("f") == "f1\n"


def test_a_pipe_ends_when_its_reader_has_enough(sh):
    assert sh("yes | head -3") == "y\ny\ny\n"
    assert sh("while true; do echo x; done | head -2; echo ${PIPESTATUS[@]}") == "x\nx\n141 0\n"


def test_history_can_be_called_again(sh):
    sh("echo first")
    sh("echo second third")
    assert sh("!!") == "echo second third\nsecond third\n"
    assert sh("!echo") == "echo second third\nsecond third\n"
    assert sh("echo !$") == "echo third\nthird\n"
    assert sh("!nothing") == "bash: !nothing: event not found\n"


def test_the_busybox_shell_words_its_errors_its_own_way(at):
    box = at("busybox", "sh")
    assert box.session.prompt() == "/ # "
    assert box("dig x") == "sh: dig: not found\n"
    assert box("echo {1..3}") == "{1..3}\n"
