"""`manage.py prepare`: bring database and static files up to date; quick when there is nothing to do."""

from hashlib import sha256
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Migrate the database and collect static files, if either changed."

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


def _fingerprint() -> str:
    """Changes when any file of ours under static/ does (name, size or time)."""
    digest = sha256()
    for root in settings.STATICFILES_DIRS:
        for path in sorted(Path(root).rglob("*")):
            if path.is_file():
                status = path.stat()
                digest.update(f"{path}{status.st_size}{status.st_mtime_ns}".encode())
    return digest.hexdigest()
