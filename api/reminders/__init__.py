"""From a due reminder to a message that arrived. The truth is in rows; whoever wakes us only wakes us.

ladder     when the reminders of one refill are due
outbox     queue what is due, claim it under a lease, record how it went
message    the text of a reminder: no drug, no dose, no name
channels   how a message leaves: SMTP, or files in a mail folder
sweep      all of it, until nothing is due
"""

from api.reminders.channels import Channel, MailFolderChannel, SmtpChannel
from api.reminders.sweep import sweep

__all__ = ["Channel", "MailFolderChannel", "SmtpChannel", "sweep"]
