"""The few verbs that join rooms: where bank and database meet."""
