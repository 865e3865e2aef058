"""Log, state, attempts and mails in a PostgreSQL database, shared by many machines."""
