"""Things done by the clock: by a schedule, after a while, in the background."""
