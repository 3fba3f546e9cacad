"""Vendored files are what vendor.json says, and nothing else."""

import hashlib
import json
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static" / "vendor"
RECORD = json.loads((VENDOR / "vendor.json").read_text())


def test_every_vendored_file_has_the_recorded_checksum():
    for package in RECORD["packages"]:
        for file in package["files"]:
            found = hashlib.sha256((VENDOR / file["path"]).read_bytes()).hexdigest()
            assert found == file["sha256"], file["path"]


def test_no_vendored_file_is_without_a_record():
    recorded = {file["path"] for package in RECORD["packages"] for file in package["files"]}
    present = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file()}
    assert present == recorded | {"vendor.json"}


def test_every_package_names_version_licence_and_origin_and_brings_its_licence_text():
    for package in RECORD["packages"]:
        assert package["version"]
        assert package["licence"] in ("MIT", "ISC", "OFL-1.1")
        assert all(file["origin"] for file in package["files"])
        assert any(Path(file["path"]).name.startswith("LICENSE") for file in package["files"])
