"""`manage.py prepare`: bring database, static files, bytecode and seeds up to date; quick when all is."""

from compileall import compile_dir
from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from svclab.cluster import kept

SEEDS = ("hello", "standard")  # what new visitors and new lessons begin with


class Command(BaseCommand):
    help = "Migrate the database, collect static files, compile and grow seeds, where anything changed."

    def handle(self, *args: object, **options: object) -> None:
        Path(settings.VAR_DIR).mkdir(parents=True, exist_ok=True)
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        stamp = Path(settings.STATIC_ROOT) / ".collected"
        print_now = _fingerprint()
        if not stamp.exists() or stamp.read_text() != print_now:
            call_command("collectstatic", verbosity=0, interactive=False, clear=True)
            stamp.write_text(print_now)
        # As pip does with packages: else the first to ask for a part waits for its compiler, at every start
        # where Python is told to write no bytecode. Where nothing can be written, nothing is.
        compile_dir(settings.BASE_DIR / "svclab", quiet=2)
        for seed in SEEDS:
            if kept.load(seed, "cloud") is None:
                from svclab.cluster.lifecycle import keep_seed  # noqa: PLC0415 (all controllers: only where they have to run)

                keep_seed(seed)


def _fingerprint() -> str:
    """Changes when any file of ours under static/ does (name, size or time)."""
    digest = sha256()
    for root in settings.STATICFILES_DIRS:
        for path in sorted(Path(root).rglob("*")):
            if path.is_file():
                status = path.stat()
                digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()
