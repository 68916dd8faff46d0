"""Background work: a queue in the same PostgreSQL, its tasks, its schedule and its workers."""
