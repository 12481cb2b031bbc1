"""Evaluation: how good is a model with its tools on a task, and what does each part of the loop buy?"""
