"""The edge: what every handler shape shares — errors to transport, caller, correlation, logs."""
