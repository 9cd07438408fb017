from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pellucid.data

PUBLIC = """
    Augmentation Autoregression Batches Comparison Dataset EMBEDDED PUBLIC Persistence Preparation Series SeriesWindows
    Standardizer TOYS TextVectorization Trigram UNKNOWN Vocabulary after as_array as_labels batches blobs check_examples
    checkerboard choose_changes circles compare fetch fetch_text levels load load_idx load_idx_folder load_image_folder
    load_series load_text_folder moons read_csv read_idx read_image read_series read_text sample_image series_windows
    shuffled spirals split_tail text_windows tokenize topics verdict walk_forward write_image xor
"""


def test_the_room_shows_what_it_says() -> None:
    folder = Path(pellucid.data.__file__).parent
    modules = {file.stem for file in folder.glob("*.py")} | {file.parent.name for file in folder.glob("*/__init__.py")}
    shown = {name for name in vars(pellucid.data) if not name.startswith("_")} - modules
    assert shown == set(PUBLIC.split())


def test_no_heavy_library_is_imported_with_the_room() -> None:
    heavy = {"PIL", "matplotlib", "sklearn", "pandas", "polars", "torch"}
    code = f"import sys, pellucid.data; print({heavy} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
