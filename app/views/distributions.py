"""Page *Distributions*: every stat with its cuts, which can be moved."""

from __future__ import annotations

import streamlit as st

from .._shell import View


def show(view: View) -> None:
    st.write(view.run.run_id if view.run else "")
