"""Models behind ports: embedders, language models, and the plain rules for language and sentences.

Keeps vendors and weights away from the rooms above; everything here runs without a network.
"""
