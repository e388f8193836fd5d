"""The store: what is kept, and how it is asked for. The same tables on SQLite and on PostgreSQL."""

from api.store.engine import Store, open_store
from api.store.ids import new_id
from api.store.migrate import is_current, migrate

__all__ = ["Store", "is_current", "migrate", "new_id", "open_store"]
