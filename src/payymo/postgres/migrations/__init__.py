"""How the database came to be what it is, step by step.

Steps only lead forwards: a step that threw money's history away to go back would be worse than
restoring a backup. A new one is drafted from the models with
``python tools/migrations.py draft "What it does"``, then read, completed with what the tool cannot
know (row-level security, grants, triggers) and tested.
"""
