"""The sandbox: jobs probe data, refine a recipe, process, train and evaluate, so that data and model grow together.

A file names the jobs (`config`), `pipeline` runs them, `hooks` say what each does, `components` do the work with
models, `registry` is where your own come in, and `store` remembers every experiment.
"""
