"""Who may import whom among the modules, and what none may do."""

import re
from pathlib import Path

JS = Path(__file__).resolve().parents[2] / "static" / "js"
MODULES = sorted(path for path in JS.rglob("*.js"))
IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\.[^"']+)["']""")


COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)  # types in comments are not imports


def _imports(path: Path) -> list[Path]:
    return [(path.parent / found).resolve() for found in IMPORT.findall(COMMENT.sub("", path.read_text()))]


def test_every_relative_import_names_an_existing_file_with_its_ending():
    for path in MODULES:
        for target in _imports(path):
            assert target.is_file(), f"{path.relative_to(JS)} imports {target}"


def test_core_imports_nothing_of_ours_but_core():
    for path in MODULES:
        if path.parent.name == "core":
            assert all(
                target.parent.name == "core" or "vendor" in target.parts for target in _imports(path)
            ), path.name


def test_parts_import_core_the_words_of_a11y_and_their_own_part_only():
    for path in MODULES:
        part = path.parent.name
        if path.parent == JS or part == "core":
            continue
        for target in _imports(path):
            allowed = (
                target.parent.name in ("core", "a11y", part)
                or "vendor" in target.parts
                or target.parent == JS
            )
            assert allowed, f"{path.relative_to(JS)} imports {target.relative_to(JS)}"


def test_no_module_makes_html_out_of_text():
    for path in MODULES:
        text = path.read_text()
        for word in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert word not in text, f"{path.relative_to(JS)}: {word}"
