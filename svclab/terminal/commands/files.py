"""ls, cp, mv, rm, mkdir, rmdir, touch, find, stat, du: the learner's files. Source: GNU coreutils 9.1."""

import re

from svclab.terminal.commands.arguments import options
from svclab.terminal.commands.registry import Context, Usage, command
from svclab.terminal.files import FileError
from svclab.terminal.lineedit import width_of
from svclab.terminal.machines import machine_at
from svclab.terminal.shell.patterns import matches


@command("ls", "dir")
def ls(context: Context, argv: list[str]) -> int:
    """Lists files: -l long, -a hidden ones too, -1 one a line, -d directories themselves, -R all below."""
    given, names = options(argv, "alA1dhrtRFSi", ("all", "almost-all", "color=", "color", "human-readable"))
    flags = {name for name, _ in given}
    files, status = context.files, 0
    plain = [n for n in names if files.exists(context.path(n)) and ("-d" in flags or not _is_dir(context, n))]
    for name in names:
        if not files.exists(context.path(name)):
            status = context.fail(f"ls: cannot access '{name}': No such file or directory", 2)
    _show(context, [(name, context.path(name)) for name in plain], flags)
    directories = [n for n in names or ["."] if _is_dir(context, n) and "-d" not in flags]
    if "-d" in flags and not names:
        context.print(".")
        directories = []
    for place, name in enumerate(directories):
        if len(names) > 1 or "-R" in flags:
            context.print(("\n" if place or plain else "") + f"{name}:")
        _directory(context, name, flags)
    return status


def _is_dir(context: Context, name: str) -> bool:
    return context.files.is_directory(context.path(name))


def _directory(context: Context, name: str, flags: set[str]) -> None:
    path = context.path(name)
    found = [n for n in context.files.names(path) if flags & {"-a", "-A", "--all"} or not n.startswith(".")]
    entries = [(n, f"{path.rstrip('/')}/{n}") for n in found]
    if "-a" in flags:
        entries = [(".", path), ("..", context.path(path + "/..")), *entries]
    if "-l" in flags:
        context.print(f"total {4 * sum(not context.files.is_directory(p) for _, p in entries)}")
    _show(context, entries[::-1] if "-r" in flags else entries, flags)
    if "-R" in flags:
        for n, p in entries:
            if context.files.is_directory(p) and n not in (".", ".."):
                context.print(f"\n{name.rstrip('/')}/{n}:")
                _directory(context, f"{name.rstrip('/')}/{n}", flags)


def _show(context: Context, entries: list[tuple[str, str]], flags: set[str]) -> None:
    if "-l" in flags:
        _long(context, entries)
    elif "-1" in flags or not context.stdout.isatty():
        for name, _ in entries:
            context.print(name)
    elif entries:
        _fill(context, [name for name, _ in entries])


def _fill(context: Context, names: list[str]) -> None:
    """As many columns as fit, filled downwards."""
    for down in range(1, len(names) + 1):
        columns = [names[i : i + down] for i in range(0, len(names), down)]
        widths = [max(map(width_of, column)) + 2 for column in columns]
        if sum(widths) - 2 <= context.columns or down == len(names):
            break
    for row in range(down):
        cells = [(c[row], w) for c, w in zip(columns, widths, strict=True) if row < len(c)]
        text = "".join(name + " " * (width - width_of(name)) for name, width in cells)
        context.print(text.rstrip())


def _long(context: Context, entries: list[tuple[str, str]]) -> None:
    user = machine_at(context.location, context.cluster.snapshot()).user
    sizes = [4096 if context.files.is_directory(path) else context.files.size(path) for _, path in entries]
    width = max((len(str(size)) for size in sizes), default=1)
    time = context.now().strftime("%b %e %H:%M")
    for (name, path), size in zip(entries, sizes, strict=True):
        kind = "-rwxr-xr-x 1" if context.files.is_executable(path) else "-rw-r--r-- 1"
        kind = "drwxr-xr-x 2" if context.files.is_directory(path) else kind
        context.print(f"{kind} {user} {user} {size:>{width}} {time} {name}")


def _is_utf8(context: Context) -> bool:
    return "UTF-8" in context.env.get("LANG", "")


def _each(context: Context, names: list[str], words: str, body: object) -> int:
    """Call `body(path)` for each name; a FileError is printed with `words` in front of the name."""
    status = 0
    for name in names:
        try:
            body(context.path(name))  # type: ignore[operator]
        except FileError as error:
            shown = f"\u2018{name}\u2019" if context.name == "mkdir" and _is_utf8(context) else f"'{name}'"
            status = context.fail(f"{context.name}: {words} {shown}: {error}")
    return status


@command("mkdir")
def mkdir(context: Context, argv: list[str]) -> int:
    """Makes directories; -p with their parents."""
    given, names = options(argv, "pvm:", ("parents",))
    if not names:
        raise Usage("missing operand", 1, hint=True)
    parents = any(name in ("-p", "--parents") for name, _ in given)

    def make(path: str) -> None:
        parts = path.strip("/").split("/")
        for depth in range(1, len(parts)) if parents else ():
            above = "/" + "/".join(parts[:depth])
            if not context.files.is_directory(above):
                context.files.make_directory(above)
        if not (parents and context.files.is_directory(path)):
            context.files.make_directory(path)

    return _each(context, names, "cannot create directory", make)


@command("rmdir")
def rmdir(context: Context, argv: list[str]) -> int:
    """Removes empty directories."""
    return _each(context, options(argv, "p")[1], "failed to remove", context.files.remove_directory)


@command("touch")
def touch(context: Context, argv: list[str]) -> int:
    """Makes empty files where there are none."""

    def make(path: str) -> None:
        if not context.files.exists(path):
            context.files.write(path, "")

    return _each(context, options(argv, "amcd:t:")[1], "cannot touch", make)


@command("chmod")
def chmod(context: Context, argv: list[str]) -> int:
    """Makes files executable, or not: files here have no other permissions."""
    words = [word for word in argv if word not in ("-R", "-v", "-c", "-f", "--")]
    if len(words) < 2:
        what = "missing operand" if not words else f"missing operand after '{words[0]}'"
        raise Usage(what, 1, hint=True)
    mode, *names = words
    octal = re.fullmatch("[0-7]{1,4}", mode)
    symbolic = re.fullmatch(r"([ugoa]*[-+=][rwxXst]*,?)+", mode)
    if not (octal or symbolic):
        raise Usage(f"invalid mode: '{mode}'", 1, hint=True)
    status = 0
    for name in names:
        path = context.path(name)
        if not context.files.exists(path):
            status = context.fail(f"chmod: cannot access '{name}': No such file or directory")
        elif octal:
            context.files.make_executable(path, executable=any(int(digit) & 1 for digit in mode[-3:]))
        elif "x" in mode:
            context.files.make_executable(path, executable=re.search(r"[+=][rwX]*x", mode) is not None)
    return status


@command("rm")
def rm(context: Context, argv: list[str]) -> int:
    """Removes files; -r directories with all in them, -f without complaint."""
    given, names = options(argv, "rRfivd", ("recursive", "force"))
    flags = {name for name, _ in given}
    if not names and not flags & {"-f", "--force"}:
        raise Usage("missing operand", 1, hint=True)
    names = [n for n in names if context.files.exists(context.path(n)) or not flags & {"-f", "--force"}]

    def remove(path: str) -> None:
        if context.files.is_directory(path) and flags & {"-r", "-R", "--recursive"}:
            if path in ("/", context.cwd):
                raise FileError("it is dangerous to operate recursively here")
            _remove_tree(context, path)
        else:
            context.files.delete(path)

    return _each(context, names, "cannot remove", remove)


def _remove_tree(context: Context, path: str) -> None:
    for name in context.files.names(path):
        inner = f"{path.rstrip('/')}/{name}"
        if context.files.is_directory(inner):
            _remove_tree(context, inner)
        else:
            context.files.delete(inner)
    if context.files.is_directory(path):
        context.files.remove_directory(path)


def _targets(context: Context, argv: list[str], short: str) -> tuple[set[str], list[tuple[str, str]]]:
    """Flags, and pairs (source as written, absolute target) of cp and mv."""
    given, names = options(argv, short, ("recursive", "force", "archive"))
    if len(names) < 2:
        after = f"destination file operand after '{names[0]}'" if names else "file operand"
        raise Usage(f"missing {after}", 1, hint=True)
    *sources, target = names
    path = context.path(target)
    within = context.files.is_directory(path)
    if len(sources) > 1 and not within:
        raise Usage(f"target '{target}': No such file or directory", 1)
    inside = [f"{path.rstrip('/')}/{s.rstrip('/').rpartition('/')[2]}" if within else path for s in sources]
    return {name for name, _ in given}, list(zip(sources, inside, strict=True))


def _copy(context: Context, source: str, target: str) -> None:
    files = context.files
    if not files.is_directory(source):
        files.write(target, files.read(source))
        return
    if not files.is_directory(target):
        files.make_directory(target)
    for name in files.names(source):
        _copy(context, f"{source}/{name}", f"{target}/{name}")


@command("cp")
def cp(context: Context, argv: list[str]) -> int:
    """Copies files; -r directories."""
    flags, pairs = _targets(context, argv, "rRafpvi")
    status = 0
    for name, target in pairs:
        path = context.path(name)
        try:
            if context.files.is_directory(path) and not flags & {
                "-r",
                "-R",
                "-a",
                "--recursive",
                "--archive",
            }:
                status = context.fail(f"cp: -r not specified; omitting directory '{name}'")
            elif path == target:
                status = context.fail(f"cp: '{name}' and '{name}' are the same file")
            elif target.startswith(path + "/"):
                status = context.fail(f"cp: cannot copy a directory, '{name}', into itself, '{target}'")
            else:
                _copy(context, path, target)
        except FileError as error:
            status = context.fail(f"cp: cannot stat '{name}': {error}")
    return status


@command("mv")
def mv(context: Context, argv: list[str]) -> int:
    """Moves and renames files."""
    _, pairs = _targets(context, argv, "fivn")
    status = 0
    for name, target in pairs:
        path = context.path(name)
        try:
            if path == target or target.startswith(path + "/"):
                status = context.fail(f"mv: cannot move '{name}' to a subdirectory of itself, '{target}'")
                continue
            _copy(context, path, target)
            if context.files.is_directory(path):
                _remove_tree(context, path)
            else:
                context.files.delete(path)
        except FileError as error:
            status = context.fail(f"mv: cannot stat '{name}': {error}")
    return status


@command("find")
def find(context: Context, argv: list[str]) -> int:
    """Lists what is below a directory; -name PATTERN, -type f or d."""
    starts = []
    while argv and not argv[0].startswith("-"):
        starts.append(argv[0])
        argv = argv[1:]
    tests = dict(zip(argv[::2], argv[1::2], strict=False))
    if unknown := next(
        (name for name in tests if name not in ("-name", "-type", "-iname", "-maxdepth")), None
    ):
        raise Usage(f"unknown predicate `{unknown}'", 1)
    for start in starts or ["."]:
        if not context.files.exists(context.path(start)):
            return context.fail(f"find: '{start}': No such file or directory")
        _find(context, start, tests, 0)
    return 0


def _find(context: Context, name: str, tests: dict[str, str], depth: int) -> None:
    context.check()
    path = context.path(name)
    directory = context.files.is_directory(path)
    base = path.rpartition("/")[2] or "/"
    wanted = matches(tests.get("-name", "*"), base) and matches(
        tests.get("-iname", "*").lower(), base.lower()
    )
    if wanted and tests.get("-type", "d" if directory else "f") == ("d" if directory else "f"):
        context.print(name)
    if directory and depth < int(tests.get("-maxdepth", "20")):
        for inner in context.files.names(path):
            _find(context, f"{name.rstrip('/')}/{inner}", tests, depth + 1)
