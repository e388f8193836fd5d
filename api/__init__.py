"""The service: the only place that knows HTTP, the store and the clock. ``pumpcalc`` never imports it.

settings, strict_json            environment to settings; request bytes to values that hide nothing
store/                           patients' pumps, refills, calculations, reminders, outbox
refills                          one refill, its calculation and its reminders: one transaction
reminders/                       which are due, claiming one, sending it
clock                            the only reader of the time; wakes the sweep
problems, routes/, docs_page     HTTP to core and back
app                              ``create_app(settings)``: the one place that wires everything
cli, demo                        the ``pumpcalc`` command
"""
