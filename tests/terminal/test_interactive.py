"""A shell behind a terminal: commands, what is typed ahead, Ctrl-C, nested shells, the page's editor."""

import time
from collections.abc import Callable

import pytest

from svclab.terminal.interactive import InteractiveShell
from tests.terminal.screen import Screen


class Terminal:
    """An InteractiveShell whose output goes to a Screen."""

    def __init__(
        self, at: Callable, place: str = "laptop", shell: str = "bash", store: object | None = None
    ) -> None:
        self.screen = Screen()
        self.done: list[int] = []
        typed = at(place, shell, store=store)
        session, self.store = typed.session, typed.store
        self.shell = InteractiveShell(
            None, session=session, output=lambda data: self.screen.write(data.decode()),
            on_done=lambda status, flows: self.done.append(status),
        )  # fmt: skip
        self.shell.start()

    def type(self, keys: str, *, lines: int = 0) -> str:
        """Type, wait until so many command lines have ended, and look."""
        until = len(self.done) + lines
        self.shell.feed(keys.encode())
        self.wait(lambda: len(self.done) >= until and not self.shell.running)
        return self.screen.text

    def wait(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not done():
            assert time.monotonic() < end, self.screen.text
            time.sleep(0.005)


@pytest.fixture
def terminal(at):
    return Terminal(at)


def test_a_command_runs_and_the_prompt_comes_back(terminal):
    assert terminal.type("echo hi\r", lines=1) == "learner@laptop:~$ echo hi\nhi\nlearner@laptop:~$"
    assert terminal.done == [0]


def test_an_open_loop_is_continued_and_remembered_as_one_line(terminal):
    terminal.type("for i in 1 2\rdo echo $i\rdone\r", lines=1)
    assert terminal.screen.text.endswith("> do echo $i\n> done\n1\n2\nlearner@laptop:~$")
    assert terminal.shell.session.history == ["for i in 1 2; do echo $i; done"]


def test_ctrl_c_ends_a_command_and_drops_a_line(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    assert terminal.type("\x03", lines=1).endswith("^C\nlearner@laptop:~$")
    assert terminal.done == [130]
    assert terminal.type("half a line\x03").endswith("half a line^C\nlearner@laptop:~$")


def test_what_is_typed_while_a_command_runs_is_its_input_or_the_next_command(terminal):
    terminal.type("read x; echo got $x\rtyped\recho next\r", lines=2)
    assert "typed\necho next\ngot typed\nlearner@laptop:~$ echo next\nnext\n" in terminal.screen.text


def test_ctrl_d_ends_input_and_then_the_shell(terminal):
    terminal.type("cat\rline\r\x04", lines=1)
    assert "cat\nline\nline\nlearner@laptop:~$" in terminal.screen.text
    terminal.type("\x04", lines=1)
    assert terminal.shell.closed
    assert terminal.shell.exit_code == 0
    assert terminal.shell.feed(b"echo dead\r") == b""


def test_exit_leaves_the_inner_shell_first(terminal):
    assert terminal.type("ssh node1\r", lines=1).endswith("root@node1:~#")
    assert terminal.type("hostname\r", lines=1).endswith("node1\nroot@node1:~#")
    assert terminal.type("exit 7\r", lines=1).endswith("exit\nConnection to node1 closed.\nlearner@laptop:~$")
    assert terminal.type("echo $?\r", lines=1).endswith("7\nlearner@laptop:~$")
    assert not terminal.shell.closed


def test_what_follows_an_entered_shell_on_its_line_waits_for_its_end(terminal):
    terminal.type("ssh node1; echo back on $(hostname)\r", lines=1)
    assert terminal.screen.text.endswith("root@node1:~#")
    assert terminal.type("exit\r", lines=1).endswith("back on laptop\nlearner@laptop:~$")


def test_ctrl_d_ends_a_command_that_is_not_yet_whole_and_not_the_shell(terminal):
    terminal.type("cat <<EOF\rabc\r\x04", lines=1)
    assert terminal.screen.text.endswith(
        "> abc\n>\nbash: warning: here-document at line 1 delimited by end-of-file (wanted `EOF')\nabc\n"
        "learner@laptop:~$"
    )
    terminal.type("echo 'abc\r\x04", lines=1)
    assert terminal.screen.text.endswith(
        "bash: unexpected EOF while looking for matching `''\nlearner@laptop:~$"
    )
    assert not terminal.shell.closed


def test_ctrl_backslash_quits(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    assert terminal.type("\x1c", lines=1).endswith("^\\Quit\nlearner@laptop:~$")
    assert terminal.done == [131]


def test_pasted_lines_wait_for_enter_and_run_together(terminal):
    pasted = terminal.type("\x1b[200~echo one\recho two\x1b[201~")
    assert pasted == "learner@laptop:~$ echo one\necho two"
    assert terminal.type("\r", lines=1).endswith("echo two\none\ntwo\nlearner@laptop:~$")
    assert terminal.shell.session.history == ["echo one", "echo two"]


def test_a_pasted_here_document_keeps_its_tabs(terminal):
    terminal.type("\x1b[200~cat > x <<EOF\ra:\r\tb\rEOF\x1b[201~\r", lines=1)
    assert (
        terminal.shell.session.files(terminal.shell.session.location).read("/home/learner/x") == "a:\n\tb\n"
    )


def test_a_terminal_is_asked_to_mark_pastes_while_a_line_is_edited_only(at):
    written: list[bytes] = []
    shell = InteractiveShell(None, session=at().session, output=written.append)
    shell.start()
    assert b"".join(written).startswith(b"\x1b[?2004h")
    shell.feed(b"sleep 100000\r")
    assert b"".join(written).endswith(b"\x1b[?2004l\r")
    shell.close()
    written.clear()
    InteractiveShell(None, session=at("busybox", "sh").session, output=written.append).start()
    assert b"2004" not in b"".join(written)


def test_keys_typed_ahead_are_echoed_at_once(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    assert terminal.shell.type_at_once("abc")
    assert terminal.screen.text.endswith("sleep 100000\nabc")
    terminal.type("\x03", lines=1)


def test_what_a_command_left_without_a_newline_stays_before_the_prompt(terminal):
    assert terminal.type("printf left\r", lines=1).endswith("\nleftlearner@laptop:~$")


def test_a_shell_within_has_a_history_of_its_own(terminal):
    terminal.type("ssh node1\r", lines=1)
    assert terminal.type("\x1b[A").endswith("root@node1:~#")
    terminal.type("hostname\r", lines=1)
    terminal.type("exit\r", lines=1)
    assert terminal.type("\x1b[A").endswith("$ ssh node1")


def test_the_lines_typed_are_found_again_by_the_next_terminal(at):
    first = Terminal(at)
    first.type("echo one\recho two\r", lines=2)
    first.type(" echo secret\r", lines=1)
    first.shell.close()
    assert first.store.texts[".bash_history"] == "echo one\necho two\n"
    second = Terminal(at, store=first.store)
    assert second.type("\x1b[A").endswith("$ echo two")


def test_two_terminals_add_to_one_history(at):
    first = Terminal(at)
    second = Terminal(at, store=first.store)
    first.type("echo one\r", lines=1)
    first.shell.close()
    second.type("echo two\r", lines=1)
    second.shell.close()
    assert first.store.texts[".bash_history"] == "echo one\necho two\n"


def test_a_resize_draws_the_line_anew(terminal):
    terminal.type("echo " + "x" * 70)
    terminal.screen.columns = 60
    terminal.shell.resize(24, 60)
    assert terminal.type("z") == f"learner@laptop:~$ echo {'x' * 37}\n{'x' * 33}z"


def test_tab_completes_commands_files_and_variables(terminal):
    terminal.type("echo x > manifest.yaml\r", lines=1)
    assert terminal.type("cat man\t").endswith("$ cat manifest.yaml")
    assert terminal.type("\x15ec\t").endswith("$ echo")
    assert terminal.type("\x15echo $HO\t").endswith("$ echo $HOME/")
    assert terminal.type("\x15cat 'man\t").endswith("$ cat 'manifest.yaml'")


def test_one_command_without_a_terminal_gives_its_bytes_and_its_code(at):
    out: list[bytes] = []
    shell = InteractiveShell(
        None,
        session=at("netshoot").session,
        tty=False,
        argv=["sh", "-c", "echo a; exit 3"],
        output=out.append,
    )
    shell.start()
    end = time.monotonic() + 30
    while not shell.closed and time.monotonic() < end:
        time.sleep(0.005)
    assert (b"".join(out), shell.exit_code) == (b"a\n", 3)


def test_closing_the_page_ends_what_runs(terminal):
    terminal.shell.feed(b"sleep 100000\r")
    terminal.wait(lambda: terminal.shell.running)
    terminal.shell.close()
    terminal.wait(lambda: terminal.done == [130])
    assert terminal.shell.exit_code == 137


def test_the_editor_of_the_page_is_opened_and_its_text_saved(terminal):
    asked: list[dict] = []
    terminal.shell.session.editor.on_event = asked.append
    terminal.shell.feed(b"vi new.yaml\r")
    terminal.wait(lambda: asked)
    assert {key: asked[0][key] for key in ("type", "title", "text")} == {
        "type": "edit",
        "title": "new.yaml",
        "text": "",
    }
    terminal.shell.session.editor.finish(asked[0]["id"], "kind: Pod\n")
    terminal.wait(lambda: terminal.done == [0])
    assert terminal.type("cat new.yaml\r", lines=1).endswith("kind: Pod\nlearner@laptop:~$")


def test_without_a_page_the_editor_says_what_to_do(terminal):
    assert "no editor is connected to this terminal" in terminal.type("vi x\r", lines=1)


def test_watch_has_a_screen_of_its_own_and_the_old_one_comes_back(at):
    written: list[bytes] = []
    shell = InteractiveShell(None, session=at().session, output=written.append)
    shell.start()

    shell.feed(b"watch true\r")
    _until(lambda: b"\x1b[?1049h\x1b[H\x1b[2JEvery 2.0s: true" in b"".join(written))
    shell.feed(b"\x03")
    _until(lambda: not shell.running)

    assert b"".join(written).endswith(b"^C\x1b[?1049l\r\n\x1b[?2004hlearner@laptop:~$ ")


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not done() and time.monotonic() < end:
        time.sleep(0.005)
