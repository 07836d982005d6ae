"""Authorizer: decides for the HTTP API and the WebSocket API whose request this is."""
