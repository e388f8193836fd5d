"""Every question that is put to the store, named and described: one statement, one purpose.

house     clinics, patients, pumps
plans     calculations, refills, reminders
outbox    which reminders are due, which copies of them are to be sent, and how that went
"""

from api.store.queries import house, outbox, plans

__all__ = ["house", "outbox", "plans"]
