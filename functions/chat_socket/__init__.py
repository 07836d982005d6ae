"""Asking over a WebSocket: the route `ask`."""
