"""Every question that is put to the store, named and described: one statement, one purpose.

house     clinics, patients, pumps
people    who works at a clinic, how they are told, calendar addresses
records   calculations and refills
events    the ledger of each pump's reservoir
plans     what pumps wait for, their reminders, what people answered
outbox    which reminders are due, which copies of them are to be sent, and how that went
engine    when each piece last went well, which plans are stale, what must always hold
"""

from api.store.queries import engine, events, house, outbox, people, plans, records

__all__ = ["engine", "events", "house", "outbox", "people", "plans", "records"]
