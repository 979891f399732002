"""The rooms of the measurement; `http_bridge.py` is its front door."""
