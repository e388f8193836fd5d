"""From a due reminder to a message that arrived. The truth is in rows; whoever wakes us only wakes us.

ladder     when reminders are due, and what holds them
outbox     queue what is due, claim it under a lease, record how it went
notice     what is told, where it goes, and how a channel says that it did not go
message    the words of it: no drug, no dose, no name
channels   e-mail by SMTP, or as files in a mail folder
webhook    signed requests to an address that was looked at first
guard      whether the clock may be believed
dead_man   tells somebody outside that the engine lives
sweep      all of it, until nothing is due
"""

from api.reminders.channels import MailFolderChannel, SmtpChannel
from api.reminders.sweep import sweep

__all__ = ["MailFolderChannel", "SmtpChannel", "sweep"]
