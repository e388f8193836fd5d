"""The demonstration: a fictional clinic, from twelve refills to a reminder that arrives.

fiction    the clinic, its pumps, and what happened there until yesterday
shown      what is printed, for a pharmacist and for a scheduler
story      migrate, load, start the service, wait for the reminder, show it
"""

from api.demo.story import demo

__all__ = ["demo"]
