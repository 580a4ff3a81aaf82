"""Schema migrations, run by Alembic. Rule: a file in versions/ never changes after a release; add the next one."""
