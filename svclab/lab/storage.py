"""Static files under hashed names, compressed, with the imports inside our ES modules rewritten to match."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStorage(CompressedManifestStaticFilesStorage):
    """Hashed names also for modules that import each other, so that no browser mixes two versions."""

    support_js_module_import_aggregation = True
    manifest_strict = True
