"""The form on the page of a pump, on which a person answers, and the script that sends it.

It sends the JSON that the API takes: what another site can make a browser post is no JSON, and is refused. The times
until which a reminder can be put off are reckoned here, by the clock of the clinic, and sent as instants.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from html import escape
from zoneinfo import ZoneInfo

from api import pages
from api.models import Schedule
from api.reminders.ladder import instant_of
from api.store.types import Row

__all__ = ["SCRIPT", "form", "silences"]

_MINUTE = dt.timedelta(minutes=1)
_TOMORROW_AT = dt.time(9)
_BOOKED = ("booked", "rescheduled")
_KINDS = {
    "acknowledged": "Taken note of: I see to it, and nobody else is told of this reminder",
    "booked": "A visit is booked",
    "rescheduled": "The visit that was booked is moved to another day",
    "snoozed": "Not now: this reminder comes again later",
    "declined": "There will be no refill here",
}

SCRIPT = """
"use strict";
const form = document.getElementById("answer");
const button = form.querySelector("button");
const said = document.getElementById("said");
let sent = "", key = "";

const place = name => document.getElementById(`field-${name}`);
const isAsked = name => place(name) !== null && !place(name).hidden;

function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), byte => byte.toString(16).padStart(2, "0")).join("");
}

function show() {
  for (const each of form.querySelectorAll("[data-of]"))
    each.hidden = !each.dataset.of.split(" ").includes(form.elements.kind.value);
}

function say(problems) {
  for (const each of form.querySelectorAll("[role=alert]")) each.textContent = "";
  for (const each of form.querySelectorAll("[aria-invalid]")) each.removeAttribute("aria-invalid");
  for (const {pointer, detail} of problems) {
    const name = pointer.slice(1), own = isAsked(name);
    const alert = document.getElementById(own ? `wrong-${name}` : "wrong");
    alert.textContent = `${alert.textContent} ${detail}`.trim();
    if (own) place(name).querySelector("select, input").setAttribute("aria-invalid", "true");
  }
  said.textContent = "";
  button.disabled = false;
  if (problems.length) (form.querySelector("[aria-invalid]") || button).focus();
}

async function send(body) {
  const stop = new AbortController(), timer = setTimeout(() => stop.abort(), 20000);
  try {
    return await fetch(form.dataset.to, {
      method: "POST",
      headers: {"Content-Type": "application/json", "Idempotency-Key": key},
      body, signal: stop.signal, redirect: "error",
    });
  } finally {
    clearTimeout(timer);
  }
}

form.addEventListener("change", show);
form.addEventListener("submit", async event => {
  event.preventDefault();
  if (button.disabled) return;
  const answer = {plan_id: form.dataset.plan}, missing = [];
  for (const name of ["person_id", "kind", "day", "until", "reason"]) {
    if (!isAsked(name)) continue;
    const value = form.elements[name].value.trim();
    if (value) answer[name] = value;
    else missing.push({pointer: `/${name}`, detail: place(name).dataset.missing});
  }
  say(missing);
  if (missing.length) return;
  const body = JSON.stringify(answer);
  if (body !== sent) [sent, key] = [body, newKey()];
  button.disabled = true;
  said.textContent = "Sending ...";
  try {
    const got = await send(body);
    if (got.ok) {
      said.textContent = "Recorded. This pump goes on waiting until its refill is recorded.";
      setTimeout(() => location.reload(), 1500);
    } else {
      say((await got.json()).errors);
    }
  } catch {
    const detail = "No answer came from the service. Press the button again: the same answer is recorded only once.";
    say([{pointer: "", detail}]);
  }
});
document.getElementById("without").hidden = true;
form.hidden = false;
show();
"""


def form(clinic: Row, shown: Schedule, people: Sequence[Row], now: dt.datetime) -> list[str]:
    """The form as lines of HTML, of what can be answered now; in its place the reason, where nobody can answer."""
    there = [person for person in people if person["left_at"] is None]
    if not there:
        return ["<p>Nobody of this clinic is recorded who could answer. Add its people first.</p>"]
    assert shown.plan is not None
    to = f"/v1/clinics/{escape(clinic['id'])}/pumps/{escape(shown.pump.id)}/responses"
    until = silences(clinic["snooze_minutes_at_most"], shown.plan.refill_by, clinic["time_zone"], now)
    today = now.astimezone(ZoneInfo(clinic["time_zone"])).date()
    kinds = _kinds(shown, may_wait=bool(until))
    return [
        # The script hides this and shows the form: whatever keeps it from running, the page says so.
        f'<p id="without">Answering on this page needs scripts. The API takes the answer too: POST {to}</p>',
        # The address is relative, because the service may stand below a folder of its host.
        f'<form id="answer" data-to="../../..{to}" data-plan="{escape(shown.plan.id)}" autocomplete="off" novalidate '
        "hidden>",
        *_who(there),
        '<fieldset id="field-kind" data-missing="Choose an answer." aria-describedby="wrong-kind">',
        "<legend>What is answered</legend>",
        *(
            f'<label><input type="radio" name="kind" value="{kind}"> <span>{_KINDS[kind]}</span></label>'
            for kind in kinds
        ),
        _wrong("kind"),
        "</fieldset>",
        *(_day(shown, today) if "booked" in kinds else ()),
        *(_until(until, clinic["time_zone"]) if until else ()),
        *_reason(),
        '<button type="submit">Record this answer</button>',
        '<p id="wrong" class="wrong" role="alert"></p>',
        '<p id="said" role="status"></p>',
        "</form>",
    ]


def _kinds(shown: Schedule, *, may_wait: bool) -> list[str]:
    """What can be answered: no visit is held against a day that is not known."""
    assert shown.plan is not None
    kinds = ["acknowledged"]
    if shown.plan.refill_by is not None:
        kinds.append("booked")
        if any(answer.kind in _BOOKED for answer in shown.responses):
            kinds.append("rescheduled")
    return [*kinds, *(["snoozed"] if may_wait else []), "declined"]


def silences(
    at_most: str | None, refill_by: dt.date | None, zone: str, now: dt.datetime
) -> list[tuple[str, dt.datetime]]:
    """Until when a reminder can be put off, in words and as instants, the soonest first.

    ``at_most``: the clinic's ceiling in minutes; None: it has stated none, and nothing is put off. Before the end of
    the last safe day ``refill_by`` nothing is put off past it. A ceiling below 30 minutes is offered itself.
    """
    if at_most is None:
        return []
    latest = now + int(at_most) * _MINUTE
    if refill_by is not None:
        ends = instant_of(dt.datetime.combine(refill_by + dt.timedelta(days=1), dt.time()), zone)
        latest = min(latest, ends - _MINUTE) if now < ends else latest
    begins = now.replace(second=0, microsecond=0)
    tomorrow = now.astimezone(ZoneInfo(zone)).date() + dt.timedelta(days=1)
    offered = [
        ("30 minutes", begins + 30 * _MINUTE),
        ("1 hour", begins + 60 * _MINUTE),
        ("4 hours", begins + 240 * _MINUTE),
        ("until tomorrow morning", instant_of(dt.datetime.combine(tomorrow, _TOMORROW_AT), zone)),
    ]
    kept = [(words, until) for words, until in offered if until <= latest]
    if not kept:
        kept = [(pages.count(int(at_most), "minute"), begins + int(at_most) * _MINUTE)]
    return sorted(((words, until) for words, until in kept if now < until <= latest), key=lambda each: each[1])


def _field(
    name: str, label: str, missing: str, opening: str, inside: str = "", *, hint: str = "", of: str = ""
) -> list[str]:
    """One field with its label. ``of``: the answers that it belongs to; without any, it is always asked."""
    belongs = f' data-of="{of}"' if of else ""
    described = f"hint-{name} wrong-{name}" if hint else f"wrong-{name}"
    return [
        f'<div class="field" id="field-{name}" data-missing="{missing}"{belongs}>',
        f'<label for="{name}">{label}</label>',
        *([f'<p class="hint" id="hint-{name}">{hint}</p>'] if hint else []),
        f'<{opening} id="{name}" name="{name}" aria-describedby="{described}">{inside}',
        _wrong(name),
        "</div>",
    ]


def _wrong(name: str) -> str:
    return f'<p class="wrong" id="wrong-{name}" role="alert"></p>'


def _choices(first: str, choices: Sequence[tuple[str, str]]) -> str:
    """The inside of a select: what is chosen at first, which is nothing, and values with their words."""
    options = [("", first), *choices]
    return (
        "".join(f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in options) + "</select>"
    )


def _who(there: Sequence[Row]) -> list[str]:
    names = sorted(((each["id"], f"{each['name']} ({each['role']})") for each in there), key=lambda each: each[1])
    inside = _choices("Choose a name", names)
    return _field("person_id", "Who answers", "Choose who answers.", "select", inside)


def _day(shown: Schedule, today: dt.date) -> list[str]:
    assert shown.plan is not None
    assert shown.plan.refill_by is not None
    opening, hint = f'input type="date" min="{today}"', "The last safe day has passed: as soon as can be."
    if today <= shown.plan.refill_by:
        opening += f' max="{shown.plan.refill_by}"'
        hint = f"At the latest {pages.day(shown.plan.refill_by)}, the last safe day."
    return _field("day", "Day of the visit", "State the day of the visit.", opening, hint=hint, of=" ".join(_BOOKED))


def _until(until: Sequence[tuple[str, dt.datetime]], zone: str) -> list[str]:
    choices = [
        (f"{instant.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}", f"{words}: {pages.moment(instant, zone)}")
        for words, instant in until
    ]
    hint = f"By the clock of the clinic ({escape(zone)})."
    inside = _choices("Choose a time", choices)
    return _field("until", "It comes again", "Choose when it comes again.", "select", inside, hint=hint, of="snoozed")


def _reason() -> list[str]:
    hint = "In a few words, without naming anybody."
    opening = 'input type="text" maxlength="100"'
    return _field("reason", "Why", "Write in a few words why.", opening, hint=hint, of="declined")
