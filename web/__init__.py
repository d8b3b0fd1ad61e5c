"""The web room: with `app.py` the only one that imports flask."""
