"""Alembic's entry point: runs migrations on the connection that `expunge.vault.database.migrate` hands over."""

from alembic import context

from expunge.vault.database import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
