"""The script that Streamlit runs: `streamlit run app/main.py -- PROJECT`. It lists the pages.

A page is a module in `views/` with a function `show(view: View)` and one entry in PAGES.
"""

from __future__ import annotations

from juicesql.app._shell import PageEntry, run_app
from juicesql.app.views import compare, distributions, duplicates, runs, samples, sandbox

PAGES = (
    PageEntry("runs", "Runs", ":material/conversion_path:", runs.show),
    PageEntry("distributions", "Distributions", ":material/bar_chart:", distributions.show),
    PageEntry("samples", "Samples", ":material/table_rows:", samples.show),
    PageEntry("duplicates", "Duplicates", ":material/content_copy:", duplicates.show),
    PageEntry("compare", "Compare", ":material/compare_arrows:", compare.show),
    PageEntry("sandbox", "Sandbox", ":material/science:", sandbox.show),
)

run_app(PAGES)
