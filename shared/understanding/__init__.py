"""Understanding: what questions and sentences mean, told by their words, in German and English.

Promises: a question that stands alone is never taken for a follow-up lightly; a claim is supported
only by words that say the same, figures, names and negations included; no model writes here.
"""
