"""Answering: a question becomes an answer whose every claim points at words in the library.

Promises: a citation's quote is exactly ``canonical_text[start:end]`` of the cited version; what
the library does not say is admitted; no transaction is open while a language model writes; a
stopped answer is kept as far as it was said.
"""
