"""Where `scripts/services` puts what is no package of Debian's."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def folder():
    """The folder of the services: beside the one that tests get from cargo as CARGO_TARGET_TMPDIR."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1", "--locked"]
    about = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout)
    # Older cargos have no build directory of its own.
    return Path(about.get("build_directory") or about["target_directory"]) / "services"
