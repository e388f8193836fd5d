"""Every table, once. Each row names its clinic, and no row can point into another clinic.

    clinic        the house rules of one clinic; its clinical settings have no default (NULL: not stated yet)
    person        who works there and may answer a reminder
    contact       how a person is told: channel, address, how long after a reminder is due, quiet hours
    patient       an opaque reference. There is no name, birth date, address or telephone column
    pump          one implanted pump: a model of the drug library, whether it runs, and its open plan
    calculation   one record of the core, word for word, with the library and software that made it
    fact_use      which figures of the library a calculation used
    refill        one fill and its last safe day; at most one refill of a pump is open
    pump_event    the ledger of a pump's reservoir, in the order in which it was recorded; never changed
    plan          what a pump is waiting for: a last safe day, or an alert that none can be stated
    reminder      one step of a ladder, of a plan or of the clinic: when, meant as which local time, how bad a miss is
    delivery      the outbox: one copy of one reminder to one recipient, with its lease and its attempts
    response      what a person answered to the reminders of a plan; never changed
    feed          a private calendar address of a clinic or of a person: a view, not an alarm
    once          what was answered to a request with an Idempotency-Key
    beat          when a piece of the engine last went well, by the clock of whoever did it

Every pump that is not explanted points at one plan, which is open: a date, or an alert that there is none. The
database refuses a pump without one, and a second open plan.

Quantities are kept as the text that was accepted. Instants are UTC text, days are ``YYYY-MM-DD``.
CHECK constraints are repeated by hand in the migrations: Alembic does not write them.
"""

from api.store.tables.house import clinic, contact, feed, patient, person
from api.store.tables.pumps import calculation, fact_use, plan, pump, pump_event, refill
from api.store.tables.reminding import beat, delivery, once, reminder, response
from api.store.tables.shapes import metadata

__all__ = [
    "beat",
    "calculation",
    "clinic",
    "contact",
    "delivery",
    "fact_use",
    "feed",
    "metadata",
    "once",
    "patient",
    "person",
    "plan",
    "pump",
    "pump_event",
    "refill",
    "reminder",
    "response",
]
