"""Naive Bayes: a classifier derived from Bayes' theorem and the table of distributions."""
