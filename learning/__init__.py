"""The mathematics of machine learning, derived on request from tables and general mechanisms."""
