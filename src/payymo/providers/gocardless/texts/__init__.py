"""Bank text: what banks wrap around the words that people meant.

Everything here is pure, works on texts of bounded length, and uses only patterns whose cost
grows linearly with the text.
"""
