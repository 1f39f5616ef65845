"""One module a page. Each has `show(view)`, which draws it; `app/main.py` lists them."""
