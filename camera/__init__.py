"""The camera room: from a sensor to JPEG bytes. Knows nothing of Flask, SQLite or GPIO."""
