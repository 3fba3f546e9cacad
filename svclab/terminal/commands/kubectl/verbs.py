"""The table of kubectl's commands: each file of this package registers its own with `@verb`."""

from collections.abc import Callable
from dataclasses import dataclass

from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.errors import KubectlError
from svclab.terminal.commands.kubectl.flags import Flag, Parsed

Run = Callable[[Client, Parsed], int | None]

FILENAME = Flag("filename", "strings", short="f", help="file, directory or - (standard input) with manifests")
RECURSIVE = Flag("recursive", "bool", short="R", help="also read directories below")
KUSTOMIZE = Flag("kustomize", short="k", help="not available here: a kustomization directory")
OUTPUT = Flag("output", short="o", help="output format: name, yaml, json, jsonpath=…, wide, …")
SELECTOR = Flag("selector", short="l", help="only objects whose labels match")
FIELD_SELECTOR = Flag("field-selector", help="only objects whose fields match")
ALL_NAMESPACES = Flag("all-namespaces", "bool", short="A", help="in all namespaces")
ALL = Flag("all", "bool", help="all objects of the kind in the namespace")
DRY_RUN = Flag("dry-run", default="none", bare="unchanged", help="none, client or server: only try")
FIELD_MANAGER = Flag("field-manager", help="name under which the change is recorded")
VALIDATE = Flag("validate", default="strict", bare="strict", help="strict, warn or ignore unknown fields")
SHOW_MANAGED_FIELDS = Flag("show-managed-fields", "bool", help="keep metadata.managedFields in the output")
SAVE_CONFIG = Flag("save-config", "bool", help="keep the configuration in the object's annotation")
OVERWRITE = Flag("overwrite", "bool", help="replace values that are there")
ALLOW_MISSING = Flag("allow-missing-template-keys", "bool", default=True, help="a missing key is no error")
RECORD = Flag("record", "bool", help="keep this command line in the annotation of the change's cause")
LOCAL = Flag("local", "bool", help="only change what is read from files")
TEMPLATE = Flag("template", help="the template of -o jsonpath and -o go-template")


@dataclass(frozen=True, slots=True)
class Verb:
    """One command: what it runs, its flags, how it is called, one line about it, and its examples."""

    name: str
    run: Run | None
    flags: tuple[Flag, ...] = ()
    usage: str = ""
    summary: str = ""
    examples: tuple[str, ...] = ()


VERBS: dict[str, Verb] = {}
_ALIASES: dict[str, str] = {}


def verb(
    name: str,
    *,
    flags: tuple[Flag, ...] = (),
    usage: str = "",
    summary: str = "",
    examples: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Callable[[Run], Run]:
    """Registers a function as the command of this name, e.g. "get" or "rollout status"."""

    def register(run: Run) -> Run:
        VERBS[name] = Verb(name, run, flags, usage, summary, examples)
        for alias in aliases:
            _ALIASES[alias] = name
        return run

    return register


def group(
    name: str, summary: str, *, aliases: tuple[str, ...] = (), usage: str = "SUBCOMMAND [options]"
) -> None:
    """Registers a command that only has commands below it, such as `rollout`."""
    VERBS[name] = Verb(name, None, (), f"{name} {usage}", summary)
    for alias in aliases:
        _ALIASES[alias] = name


def resolve(words: list[str]) -> tuple[Verb | None, int]:
    """The longest command that these words begin with, and how many words it takes."""
    for count in (3, 2, 1):
        name = " ".join(words[:count])
        parts = name.split(" ")
        for cut in range(1, len(parts)):
            head = " ".join(parts[:cut])
            if head in _ALIASES:
                name = " ".join([_ALIASES[head], *parts[cut:]])
        name = _ALIASES.get(name, name)
        if len(words) >= count and name in VERBS:
            return VERBS[name], count
    return None, 0


def aliases_of(name: str) -> list[str]:
    """The other names of a command."""
    return [alias for alias, meant in _ALIASES.items() if meant == name]


def below(name: str) -> list[Verb]:
    """The commands one level below a command ("" for the top), by name."""
    prefix = f"{name} " if name else ""
    depth = prefix.count(" ")
    found = [v for v in VERBS.values() if v.name.startswith(prefix) and v.name.count(" ") == depth]
    return sorted(found, key=lambda v: v.name)


def dry_run_of(flags: Parsed) -> str:
    """ "none", "client" or "server". Raises KubectlError for anything else."""
    value = flags["dry-run"]
    if value == "unchanged":
        return "client"
    if value not in ("none", "client", "server"):
        raise KubectlError(f'Invalid dry-run value ({value}). Must be "none", "server", or "client".')
    return value


def dry_run_words(dry_run: str) -> str:
    """` (dry run)`, ` (server dry run)` or nothing."""
    return {"client": " (dry run)", "server": " (server dry run)"}.get(dry_run, "")


def write_query(
    client: Client, manager: str, dry_run: str = "none", *, strict: bool = False
) -> list[tuple[str, str]]:
    """The query of a write: who changes it, whether it is only tried, how strictly fields are checked."""
    flags = client.flags
    given = flags.values.get("field-manager") or ""
    query = [("fieldManager", given or manager)]
    if dry_run == "server":
        query.insert(0, ("dryRun", "All"))
    if strict:
        query.append(("fieldValidation", checked_validation(flags.values.get("validate", "strict"))))
    return query


def checked_validation(value: str) -> str:
    """The server's word for a value of --validate. Raises KubectlError."""
    match value:
        case "true" | "strict":
            return "Strict"
        case "warn":
            return "Warn"
        case "false" | "ignore":
            return "Ignore"
    raise KubectlError(
        f'invalid - validate option "{value}"; must be one of: strict (or true), warn, ignore (or false)'
    )
