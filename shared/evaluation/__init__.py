"""Evaluation: how well this library is searched and answered, in numbers that can be compared.

Promises: a measure is what the published definitions say (nDCG, recall and MRR as trec_eval
computes them), every mean comes with the interval that chance alone would explain, and a tenant's
ranking changes only when questions it was not fitted to are answered better by more than that.
"""
