"""What the doors say and ask on a terminal."""
