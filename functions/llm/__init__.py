"""Speaks to language models for the other functions: the only one that carries LiteLLM."""
