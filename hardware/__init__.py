"""The hardware room: the only one that may import gpiozero or a pixel library."""
