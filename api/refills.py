"""One refill: its calculation, its last safe day and its reminders are recorded together, or not at all."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from pydantic import create_model

from api import closures, plans
from api.house import clinic as clinic_row
from api.house import pump_of
from api.reminders.ladder import worst
from api.reservoirs import Reservoir, keep, reservoir_of, to_be_filled
from api.store import Store, new_id
from api.store.queries import records
from api.store.types import Row
from api.unmeasured import Unmeasured
from api.visits import Visit, visit_of, written_by
from pumpcalc import CALCULATORS, calculate, library
from pumpcalc.errors import Problem, Refusal, echo, refused
from pumpcalc.worksheet import Calculation
from pumpcalc.worksheet.fields import Request
from pumpcalc.worksheet.uses import facts_of

__all__ = ["due_of", "keep_calculation", "record_refill", "refill_request", "scheduled", "with_house"]

NAME = "refill-schedule"

_FROM_PUMP = ("pump",)
_FROM_LAST_FILL = ("last_accepted",)
_FROM_LEDGER = ("as_of", "volume_then", "least_volume_then")
_FROM_CLINIC = (
    "low_reservoir_alarm_volume",
    "closed_weekdays",
    "closed_dates",
    "time_zone",
    "lead_times",
    "booking_window",
    "would_move",
)
_POLICIES = ("accuracy_caps_interval", "beyond_use_caps_interval")
"""What the clinic says where it has stated it, and the body where it has not."""
_LOOKS_BACK = dt.timedelta(days=400)
"""How long before a last safe day closed days can matter: lead times and a booking window are shorter."""

_SETTINGS = {
    "low_reservoir_alarm_volume": '"2 mL"',
    "closed_weekdays": '["saturday", "sunday"], or [] when no weekday is closed',
    "closed_dates": '["2026-12-25"], or [] when none is known',
    "reminder_days_before": '["14", "3"], or [] for a reminder on the last safe day only',
    "reminder_time": '"09:00"',
    "reminder_email": '"refills@clinic.example"',
}
"""Settings without which no refill is recorded, each with how it may be written."""

_FIELD_OF_LIMIT = {
    "reservoir_volume": "/fill_volume",
    "minimum_flow_rate": "/daily_dose",
    "maximum_flow_rate": "/daily_dose",
    "maximum_daily_dose": "/daily_dose",
    "beyond_use_date": "/beyond_use_date",
    "replace_by_date": "/replace_by_date",
    "most_steps_per_day": "/groups",
}
"""The field that a limit is about; a limit that is not here is about the solution."""


@cache
def refill_request() -> type[Request]:
    """The body of a new refill: the refill-schedule request without what the pump and the clinic say."""
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in CALCULATORS[NAME].request.model_fields.items()
        if name not in (*_FROM_PUMP, *_FROM_LAST_FILL, *_FROM_LEDGER, *_FROM_CLINIC)
    }
    return create_model("RefillRequest", __base__=Visit, __doc__="A refill that was done.", **fields)


def record_refill(store: Store, clinic_id: str, pump_id: str, request: Mapping[str, Any], now: dt.datetime) -> str:
    """Record a refill of a pump and plan its reminders. The id of the refill.

    One transaction: the calculation, the end of the pump's open refill and of its open reminders, the new
    refill, its reminders, and what it writes into the ledger: what was withdrawn, the fill, and how the pump is
    programmed. Raises NotFound for a clinic or pump that is not there, and Refusal for a request that is not
    understood, a clinic setting that is not stated, a plan that hits a hard limit, or an old dose that would be
    resumed after an interval in which the reservoir may have been empty; then nothing is kept.
    """
    with store.writing() as connection:
        # The clinic is read when the pump is locked: what it changes before is seen, what it changes after marks it.
        pump = pump_of(connection, clinic_id, pump_id, lock=True)
        clinic = clinic_row(connection, clinic_id)
        last = records.open_refill(connection, clinic_id, pump_id)
        held = reservoir_of(connection, clinic, pump)
        _must_run(pump, held)
        visit, asked = _visit_of(request)
        calculation = scheduled(clinic, _schedule_request(clinic, pump, last, asked))
        _within_hard_limits(calculation)
        fill_date = _fill_date(calculation, clinic["time_zone"], now)
        refill_id, residual_id = new_id("refill"), new_id("calculation")
        written = None
        if (reservoir := to_be_filled(held)) is not None:
            written = written_by(reservoir, visit, calculation.request, clinic, refill_id, residual_id, now)
        elif visit.withdrawn_volume is not None or visit.new_start:
            library.load().pump(pump["model"]).reservoir_volume.required()
        _keep(connection, clinic, pump, calculation, refill_id, fill_date, now)
        if written is not None:
            if written.residual is not None:
                keep_calculation(connection, clinic_id, written.residual, now, residual_id)
            keep(connection, pump, written.reservoir, now)
        return refill_id


def _must_run(pump: Row, held: Reservoir | Unmeasured) -> None:
    """Raises Refusal for a pump that does not run. One that an older version calls stopped is filled to run again."""
    stopped_before = pump["state"] == "stopped" and not held.is_kept
    if pump["state"] != "active" and not stopped_before:
        how = {"stopped": ": record first how it was started again", "unknown": ": record its interrogation first"}
        raise refused(
            "pump-not-active",
            f"This pump is {pump['state']}, so no refill of it is planned{how.get(pump['state'], '')}.",
        )


def _visit_of(request: Mapping[str, Any]) -> tuple[Visit, dict[str, Any]]:
    if not isinstance(request, Mapping):
        raise refused("wrong-type", "The body is an object with fields.")
    return visit_of(request)


def _schedule_request(clinic: Row, pump: Row, last: sa.RowMapping | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """The whole request, ``last`` being the open refill that this one will close.

    Raises Refusal for what the body may not say or the clinic has not said.
    """
    problems = [
        Problem(
            code="set-elsewhere",
            detail=f"{name} comes from the {whose}, so leave it out.",
            pointer=f"/{name}",
        )
        for whose, names in (
            ("pump", _FROM_PUMP),
            ("last fill", _FROM_LAST_FILL),
            ("pump's ledger", _FROM_LEDGER),
            ("clinic's settings", (*_FROM_CLINIC, *(name for name in _POLICIES if clinic[name] is not None))),
        )
        for name in names
        if name in request
    ]
    problems += [
        Problem(
            code="clinic-setting-missing",
            detail=f"The clinic has not stated its {name}: state it with PATCH /v1/clinics/{clinic['id']}, "
            f"written as {example}.",
        )
        for name, example in _SETTINGS.items()
        if clinic[name] is None
    ]
    if problems:
        raise Refusal(problems)
    full = with_house(clinic, pump, request)
    if last is not None:
        full["last_accepted"] = _last_accepted(json.loads(last["request"]), request)
    return full


def with_house(clinic: Row, pump: Row, request: Mapping[str, Any]) -> dict[str, Any]:
    """A request with what the pump and the clinic say."""
    full: dict[str, Any] = {**request, "pump": pump["model"], "would_move": True}
    full |= {name: clinic[name] for name in ("low_reservoir_alarm_volume", "closed_weekdays", "closed_dates")}
    full |= {name: clinic[name] == "yes" for name in _POLICIES if clinic[name] is not None}
    if "filled_at" in request:
        full["time_zone"] = clinic["time_zone"]
    if leads := _lead_times(clinic, request):
        full["lead_times"] = leads
    if clinic["booking_window_days"] is not None:
        full["booking_window"] = f"{clinic['booking_window_days']} day"
    return full


def _lead_times(clinic: Row, request: Mapping[str, Any]) -> list[dict[str, str]]:
    """How many open days the clinic needs between an order and the refill, for what."""
    leads = {"compounding": clinic["compounding_lead_days"]}
    if set(_drugs(request)) & set(clinic["controlled_drugs"] or ()):
        leads["controlled-drug"] = clinic["controlled_drug_lead_days"]
    return [{"for": what, "open_days": days} for what, days in leads.items() if days is not None]


def _drugs(request: Mapping[str, Any]) -> list[str]:
    """The drugs of a body that nobody has checked yet."""
    components = request.get("components")
    listed = (
        [each.get("drug") for each in components if isinstance(each, Mapping)] if isinstance(components, list) else []
    )
    return [drug for drug in listed if isinstance(drug, str)]


def scheduled(clinic: Row, asked: Mapping[str, Any]) -> Calculation:
    """The schedule, with the public holidays of the clinic's place before the day that the fill itself allows."""
    calculation = calculate(NAME, asked)
    if clinic["public_holidays"] is None:
        return calculation
    allowed = dt.date.fromisoformat(calculation.answers["refill_by"])
    stated = [dt.date.fromisoformat(day) for day in clinic["closed_dates"] or ()]
    found = closures.closed_dates(
        public_holidays=clinic["public_holidays"], stated=stated, start=allowed - _LOOKS_BACK, end=allowed
    )
    return calculate(NAME, {**asked, "closed_dates": [day.isoformat() for day in sorted({*found, *stated})]})


def _last_accepted(last: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """What a slip of the hand would stand out against; the dose and the strength only of the same primary drug."""
    accepted = {"fill_volume": last["fill_volume"]}
    primary = last["components"][0]
    if _primary_drug(request) == primary["drug"]:
        accepted |= {"daily_dose": last["daily_dose"], "concentration": primary["concentration"]}
    return accepted


def _primary_drug(request: Mapping[str, Any]) -> object:
    """The drug named first in a body that nobody has checked yet; None where there is none."""
    return next(iter(_drugs(request)), None)


def _within_hard_limits(calculation: Calculation) -> None:
    """Raises Refusal when the plan hits a limit that cannot be ordered past."""
    hit = [limit for limit in calculation.limits_hit if limit.level == "hard"]
    if hit:
        raise Refusal(
            Problem(
                code="hard-limit",
                detail=f"{limit.name}: {limit.actual} where {limit.rule} {limit.bound} can be ordered"
                + (f" ({limit.source.key}, {limit.source.where})." if limit.source else "."),
                pointer=_FIELD_OF_LIMIT.get(limit.name, "/components"),
            )
            for limit in hit
        )


def _fill_date(calculation: Calculation, zone: str, now: dt.datetime) -> dt.date:
    """The clinic's day of the fill. Raises Refusal when it has not come yet: a plan rests on a fill done."""
    asked = calculation.request
    local = ZoneInfo(zone)
    if "fill_date" in asked:
        pointer, day = "/fill_date", dt.date.fromisoformat(asked["fill_date"])
    else:
        pointer, day = "/filled_at", dt.datetime.fromisoformat(asked["filled_at"]).astimezone(local).date()
    today = now.astimezone(local).date()
    if day > today:
        raise refused(
            "fill-not-done",
            f"{echo(day.isoformat())} has not come yet at the clinic, where it is {today}: "
            "a fill is recorded when it is done.",
            pointer,
        )
    return day


def _keep(
    connection: sa.Connection,
    clinic: Row,
    pump: Row,
    calculation: Calculation,
    refill_id: str,
    fill_date: dt.date,
    now: dt.datetime,
) -> None:
    """Write it all, inside the transaction of the caller."""
    clinic_id = clinic["id"]
    calculation_id = keep_calculation(connection, clinic_id, calculation, now)
    records.close_open_refill(connection, clinic_id, pump["id"], now)
    records.add_refill(
        connection,
        {
            "clinic_id": clinic_id,
            "id": refill_id,
            "pump_id": pump["id"],
            "fill_date": fill_date,
            "request": json.dumps(calculation.request, ensure_ascii=False),
            "refill_by": dt.date.fromisoformat(calculation.answers["refill_by"]),
            "binding": calculation.answers["binding"],
            "calculation_id": calculation_id,
            "recorded_at": now,
        },
    )
    due = due_of(calculation, calculation_id, refill_id, fill_date)
    plans.open_date(connection, clinic, {**pump, "state": "active"}, due, "refill", now)


def keep_calculation(
    connection: sa.Connection, clinic_id: str, calculation: Calculation, now: dt.datetime, name: str | None = None,
    rests_on: Calculation | None = None,
) -> str:  # fmt: skip
    """Keep a record of the core, word for word, with the figures that it and what it rests on used.

    Its id: ``name``, or a new one.
    """
    calculation_id = name or new_id("calculation")
    records.add_calculation(
        connection,
        {
            "clinic_id": clinic_id,
            "id": calculation_id,
            "name": calculation.calculation,
            "library_version": calculation.library.version,
            "library_sha256": calculation.library.sha256,
            "software": calculation.software,
            "record": calculation.model_dump_json(),
            "created_at": now,
        },
        {*facts_of(calculation), *(() if rests_on is None else facts_of(rests_on))},
    )
    return calculation_id


def due_of(calculation: Calculation, calculation_id: str, refill_id: str, fill_date: dt.date) -> plans.Due:
    answers = calculation.answers
    return plans.Due(
        refill_id=refill_id,
        fill_date=fill_date,
        calculation_id=calculation_id,
        refill_by=dt.date.fromisoformat(answers["refill_by"]),
        binding=answers["binding"],
        order_by=dt.date.fromisoformat(answers["order_by"]) if "order_by" in answers else None,
        severity=_severity(calculation.request["components"]),
    )


def _severity(components: Sequence[Mapping[str, Any]]) -> str:
    """How bad a missed refill would be: an admixture takes its worst."""
    drugs = [library.load().drug(component["drug"]) for component in components]
    return worst([str(drug.missed_refill.value) for drug in drugs])
