"""How the code is made: pure packages stay pure, files short, settings and messages documented."""

import ast
import re
from pathlib import Path

import pytest

from svclab.lab import protocol

ROOT = Path(__file__).resolve().parents[2]
PURE = ("linux", "dns", "kube")
IMPURE = frozenset(
    [
        "asyncio",
        "asgiref",
        "channels",
        "django",
        "glob",
        "logging",
        "multiprocessing",
        "os",
        "pathlib",
        "random",
        "secrets",
        "select",
        "shutil",
        "signal",
        "socket",
        "ssl",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib.request",
        "uuid",
        "yaml",
    ]
)
CLOCKS = frozenset({"now", "utcnow", "today", "monotonic", "perf_counter", "time_ns"})
PURE_FILES = sorted(path for package in PURE for path in (ROOT / "svclab" / package).rglob("*.py"))
OURS = sorted(
    path
    for folder, endings in {
        "svclab": (".py",),
        "static/js": (".js",),
        "static/css": (".css",),
        "templates": (".html",),
    }.items()
    for path in (ROOT / folder).rglob("*")
    if path.suffix in endings
)


def name_of(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE_FILES, ids=name_of)
def test_a_pure_module_imports_nothing_that_acts_and_reads_no_clock(path):
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found = {alias.name for alias in names}
            case ast.ImportFrom(module=module, level=0):
                found = {module}
            case ast.Call(func=ast.Attribute(value=value, attr=attribute)) if attribute in CLOCKS:
                place = ast.unparse(value)
                assert place.rpartition(".")[2] not in ("datetime", "date", "time"), f"line {node.lineno}"
                continue
            case ast.Call(func=ast.Name(id="open" | "print" | "input" | "exec" | "eval" as word)):
                pytest.fail(f"line {node.lineno} calls {word}")
            case _:
                continue
        acting = {module for module in found if {module, module.partition(".")[0]} & IMPURE}
        assert not acting, f"line {node.lineno}"


def test_no_file_of_ours_has_more_than_500_lines():
    assert {
        name_of(path): lines for path in OURS if (lines := len(path.read_text().splitlines())) > 500
    } == {}


def test_no_file_is_a_drawer_for_everything():
    drawers = {"utils", "helpers", "common", "misc", "manager", "util"}
    assert [name_of(path) for path in OURS if path.stem in drawers or path.parent.name in drawers] == []


def test_every_setting_that_is_read_from_the_environment_is_in_the_readme():
    readme = (ROOT / "README.md").read_text()
    code = "".join(path.read_text() for path in (ROOT / "svclab").rglob("*.py"))
    read = set(re.findall(r"""environ(?:\.get\(|\[)\s*["']([A-Z_]+)["']""", code)) - {
        "DJANGO_SETTINGS_MODULE"
    }
    assert {name for name in read if f"`{name}`" not in readme} == set()
    named = set(re.findall(r"`(SVCLAB_[A-Z_]+)`", readme))
    assert named <= read, "a setting that nothing reads"


@pytest.mark.parametrize(
    "kind", [*protocol.FROM_PAGE.values(), *protocol.TO_PAGE.values()], ids=lambda kind: kind.type
)
def test_every_message_says_what_it_is_for(kind):
    assert kind.__doc__
    assert not kind.__doc__.startswith(f"{kind.__name__}(")  # a dataclass's own


def test_pages_send_and_take_no_message_that_the_protocol_does_not_name():
    scripts = "".join(path.read_text() for path in (ROOT / "static" / "js").rglob("*.js"))
    sent = set(re.findall(r"""send\(\{\s*type:\s*["']([a-z.]+)["']""", scripts))
    assert sent
    assert sent <= set(protocol.FROM_PAGE)
    assert all(f'"{kind}"' in scripts for kind in protocol.TO_PAGE if kind not in ("welcome",))


def test_every_make_target_has_its_line_of_help():
    makefile = (ROOT / "Makefile").read_text()
    speaking = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split()
    helped = set(re.findall(r"^([a-z]+):.*## \S", makefile, re.MULTILINE))
    assert set(speaking) - helped <= {"migrate"}


def test_what_is_required_is_pinned():
    for name in ("requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / name).read_text().splitlines():
            if line.strip() and not line.startswith(("#", "-r ")):
                assert re.match(r"[A-Za-z0-9_.\[\]-]+==\S+", line), f"{name}: {line}"
