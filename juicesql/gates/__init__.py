"""Quality gates: expectations in plain words beside a recipe, judged by great_expectations.

`grammar` reads a line, `suite` a file, `binding` finds in the plan what it names, `frames` and `aggregates` give
great_expectations what it needs, `judge` is the only module that knows it, `gate` brings them together, `validating`
checks the last run. docs/expectations.md is the manual.
"""
