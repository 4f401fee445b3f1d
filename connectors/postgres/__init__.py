"""PostgreSQL: the truth. SQLAlchemy Core for the repositories, psycopg itself on the event path."""
