"""What the commands that change things have in common: what they print, and their dry runs."""

from typing import Any

from svclab.terminal.commands.kubectl.builder import Target, compact, qualified_kind
from svclab.terminal.commands.kubectl.client import Client
from svclab.terminal.commands.kubectl.output import print_document, split_format, without_managed_fields
from svclab.terminal.commands.kubectl.typed import as_typed
from svclab.terminal.commands.kubectl.verbs import dry_run_words

Manifest = dict[str, Any]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def report(
    client: Client,
    target: Target,
    manifest: Manifest,
    done: str,
    dry_run: str = "none",
    *,
    typed: bool = False,
) -> None:
    """`service/web created`, or the object itself with -o; `typed` as the commands show it that decode it."""
    output = client.flags.values.get("output") or ""
    form, _ = split_format(output, client.flags.values.get("template") or "")
    if form in ("", "name"):
        name = target.name or manifest["metadata"].get("name") or "<unknown>"
        words = f" {done}{dry_run_words(dry_run)}" if form == "" else ""
        client.print(f"{qualified_kind(target.resource)}/{name}{words}")
        return
    shown = as_typed(manifest) if typed else manifest
    if not client.flags.values.get("show-managed-fields"):
        shown = without_managed_fields(shown)
    if form == "yaml" and client.documents_printed:
        client.print("---")
    client.documents_printed += 1
    template = client.flags.values.get("template") or ""
    print_document(client, shown, output, template, sort_keys=not typed)


def with_last_applied(manifest: Manifest) -> Manifest:
    """A configuration with itself in the annotation that the next `apply` compares with."""
    metadata = dict(manifest.get("metadata") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != LAST_APPLIED}
    bare = {**manifest, "metadata": {**metadata, "annotations": annotations}}
    configuration = compact(bare) + "\n"
    return {**manifest, "metadata": {**metadata, "annotations": {**annotations, LAST_APPLIED: configuration}}}


def head_of(target: Target) -> Manifest:
    """apiVersion and kind of a target's objects."""
    return {"apiVersion": target.resource.api_version, "kind": target.resource.kind}
