"""Sphinx's settings. `make docs` runs it by build.py, which prepares the pages first."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "Pellucid"
author = "The Pellucid authors"
copyright = "the Pellucid authors"
extensions = ["myst_parser", "pellucid_site"]
source_suffix = {".md": "markdown"}
language = "en"
html_theme = "furo"
html_title = "Pellucid"
html_static_path = [str(Path(__file__).parents[2] / "build" / "docs" / "source" / "_static")]
html_css_files = ["katex/katex.min.css", "site.css"]
html_math_renderer = "katex"
html_copy_source = False
html_show_sourcelink = False
html_use_index = True
html_domain_indices = False
html_theme_options = {"top_of_page_buttons": []}
exclude_patterns = ["_static"]
nitpicky = False
myst_enable_extensions = ["dollarmath", "colon_fence", "attrs_inline", "deflist"]
myst_heading_anchors = 4
myst_dmath_double_inline = True
myst_links_external_new_tab = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
