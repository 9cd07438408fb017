from __future__ import annotations

import subprocess
import sys

import pellucid.data

PUBLIC = """
    Dataset EMBEDDED Standardizer TOYS as_array as_labels batches blobs check_examples checkerboard circles
    load load_idx load_idx_folder moons read_csv read_idx shuffled spirals xor
"""


def test_the_room_shows_what_it_says() -> None:
    modules = {"arrays", "batches", "csvfile", "dataset", "embedded", "idx", "toys"}
    shown = {name for name in vars(pellucid.data) if not name.startswith("_")} - modules
    # `batches` is a module and the function of that name, which is what the room shows
    assert shown | {"batches"} == set(PUBLIC.split())
    assert callable(pellucid.data.batches)


def test_no_heavy_library_is_imported_with_the_room() -> None:
    code = "import sys, pellucid.data; print({'sklearn', 'pandas', 'polars', 'torch'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
