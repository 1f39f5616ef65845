"""The dashboard: Streamlit pages over the stats database of a project. Reads only, and needs no recipe functions."""
