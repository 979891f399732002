"""The modules of the measurement; `http_bridge.py` and `wamp.py` use them."""
