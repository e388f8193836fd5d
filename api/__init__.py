"""The service: the only place that knows HTTP, the store and the clock. ``pumpcalc`` never imports it.

settings, fields                 environment to settings; texts of a request to values that hide nothing
store/                           patients' pumps, refills, calculations, reminders, outbox
refills, visits                  one refill, its calculation, its reminders and what it writes into the ledger
reservoirs, unmeasured, ledger   what happened to a pump, never changed; what it waits for follows
replanning                       what a pump waits for, worked out again when something that it rests on has changed
reminders/                       which are due, claiming one, sending it; whether the clock may be believed
restoring                        a copy of the store, and what one that was put back sends
closures                         the days on which a clinic is closed, each with its reason
clock                            the only reader of the time; wakes the sweep
inert, due                       how text leaves: for each sink in a form that is text there; the scheduler's list
problems, routes/, docs_page     HTTP to core and back
door, body                       what every request passes: head, parameters; size, media type, strict JSON
app, wire                        ``create_app(settings)``: the one place that wires everything; the server below it
cli, demo                        the ``pumpcalc`` command
"""

import os
import zoneinfo
from importlib.util import find_spec

if find_spec("tzdata") and "PYTHONTZPATH" not in os.environ:
    # Else the machine's own rules come before those of the lock, and two workers disagree about one morning.
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
