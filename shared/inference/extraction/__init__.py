"""Extraction: answers a question with sentences that stand in the passages; nothing is invented.

Passages are cut into sentences, each sentence is described by what it shares with the question,
and two small models fitted on real questions (`kontor bench-answers`) say which sentence answers
and how likely it does. Their weights are data: ``weights.json``.
"""
