"""Invented accounts, what really happened on them, and how a bank tells of it.

Nothing here knows how Payymo recognises rows: what is true, and what could be told from the
answers by anybody, is worked out here anew. :mod:`testing.simulator.knobs` names the
misbehaviours; ``docs/simulator.md`` says what the ledger guarantees under each.
"""
