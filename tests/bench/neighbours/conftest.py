"""The neighbours' programs need an environment of their own: what is tested here is the fold that they share."""

collect_ignore = ["bytewax_flow.py", "faust_app.py", "quix_app.py"]
