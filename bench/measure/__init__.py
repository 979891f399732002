"""The rooms of the measurement; `http_bridge.py` and `wamp.py` are its front doors."""
