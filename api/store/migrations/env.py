"""Run by Alembic: migrates over the connection that ``api.store.migrate`` hands in."""

from alembic import context

from api.store.tables import metadata

connection = context.config.attributes["connection"]
if connection is None:
    raise SystemExit("run: pumpcalc migrate")
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
