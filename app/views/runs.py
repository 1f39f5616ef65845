"""Page *Runs*: what ran, what it kept, which cut took the most, and what it cost."""

from __future__ import annotations

import streamlit as st

from .._shell import View


def show(view: View) -> None:
    t = view.words
    st.dataframe([{t("Run"): r.run_id, t("Recipe"): r.recipe} for r in view.runs])
