"""A fill: how long it lasts, what lies between the reservoir and the tip, what is left and what was delivered."""

from __future__ import annotations

from typing import Any

from pumpcalc.formulas.proof import formula

__all__ = [
    "alarm_volume_that_warns_in_time",
    "catheter_volume",
    "days_left",
    "days_to_alarm_volume_at_worst",
    "days_to_deliver",
    "days_to_dry_at_worst",
    "days_to_low_reservoir_alarm",
    "difference_of_volume",
    "error_of_volume",
    "flow_if_fast",
    "flow_if_slow",
    "implanted_length",
    "mean_flow_rate",
    "mean_of_visits",
    "mixed_concentration",
    "part_of_volume",
    "programmed_volume",
    "volume_if_fast",
    "volume_if_slow",
    "volume_left",
    "volume_of_boluses",
    "volume_to_tip",
    "volume_when_fast",
]


# --- How long a fill lasts


@formula(
    "day",
    source="definition",
    fill_volume="mL",
    alarm_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
)
def days_to_low_reservoir_alarm(fill_volume: Any, alarm_volume: Any, concentration: Any, daily_dose: Any) -> Any:
    """How long a fill lasts before the low-reservoir alarm, at the programmed flow."""
    return (fill_volume - alarm_volume) * concentration / daily_dose


@formula(
    "day",
    source="tga-rc-2014-rn-00357-1",
    fill_volume="mL",
    alarm_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
    flow_accuracy="1",
)
def days_to_alarm_volume_at_worst(
    fill_volume: Any, alarm_volume: Any, concentration: Any, daily_dose: Any, flow_accuracy: Any
) -> Any:
    """How soon the reservoir can be down to the alarm volume, if the pump runs fast within its stated accuracy."""
    return (fill_volume - alarm_volume) * concentration / (daily_dose * (1 + flow_accuracy))


@formula(
    "day",
    source="tga-rc-2014-rn-00357-1",
    fill_volume="mL",
    concentration="mcg[X]/mL",
    daily_dose="mcg[X]/day",
    flow_accuracy="1",
)
def days_to_dry_at_worst(fill_volume: Any, concentration: Any, daily_dose: Any, flow_accuracy: Any) -> Any:
    """How soon the reservoir can be dry, if the pump runs fast within its stated accuracy."""
    return fill_volume * concentration / (daily_dose * (1 + flow_accuracy))


@formula("mL", source="tga-rc-2014-rn-00357-1", fill_volume="mL", flow_accuracy="1")
def alarm_volume_that_warns_in_time(fill_volume: Any, flow_accuracy: Any) -> Any:
    """The least alarm volume at which the calculated alarm sounds before a pump that runs fast can be dry."""
    return fill_volume * flow_accuracy / (1 + flow_accuracy)


# --- What lies between the reservoir and the tip


@formula("cm", source="prometra-ii-ifu-13827", total_length="cm", trimmed_length="cm")
def implanted_length(total_length: Any, trimmed_length: Any) -> Any:
    """The length of a catheter that is left when it has been trimmed."""
    return total_length - trimmed_length


@formula("mL", source="prometra-ii-ifu-13827", implanted_length="cm", volume_per_length="mL/cm")
def catheter_volume(implanted_length: Any, volume_per_length: Any) -> Any:
    """The volume inside an implanted catheter."""
    return implanted_length * volume_per_length


@formula("mL", source="definition", pump_tubing_volume="mL", catheter_volume="mL")
def volume_to_tip(pump_tubing_volume: Any, catheter_volume: Any) -> Any:
    """The volume between the reservoir and the tip of the catheter: what a priming bolus fills and a bridge clears."""
    return pump_tubing_volume + catheter_volume


@formula("mL", source="definition", volume="mL", volume_held="mL")
def difference_of_volume(volume: Any, volume_held: Any) -> Any:
    """By how much a volume that is used is larger than the one that the library holds."""
    return volume - volume_held


@formula("mcg[X]", source="definition", volume="mL", stronger="mcg[X]/mL", weaker="mcg[X]/mL")
def error_of_volume(volume: Any, stronger: Any, weaker: Any) -> Any:
    """The drug by which a bridge is wrong when its volume is wrong by this much."""
    return volume * (stronger - weaker)


@formula(
    "mcg[X]/mL",
    source="definition",
    reservoir_residual_volume="mL",
    old_concentration="mcg[X]/mL",
    fill_volume="mL",
    new_concentration="mcg[X]/mL",
)
def mixed_concentration(
    reservoir_residual_volume: Any, old_concentration: Any, fill_volume: Any, new_concentration: Any
) -> Any:
    """The concentration in the reservoir when a fill mixes with the old solution that was left in it."""
    return (reservoir_residual_volume * old_concentration + fill_volume * new_concentration) / (
        reservoir_residual_volume + fill_volume
    )


# --- The reservoir: what the programme counts, what is there, and how long it lasts


@formula("mL", source="definition", flow_rate="mL/day", days="day")
def programmed_volume(flow_rate: Any, days: Any) -> Any:
    """The volume that a flow takes from the reservoir, and that the programme counts as delivered."""
    return flow_rate * days


@formula("mL", source="definition", boluses="1", dose_per_bolus="mcg[X]", concentration="mcg[X]/mL")
def volume_of_boluses(boluses: Any, dose_per_bolus: Any, concentration: Any) -> Any:
    """The volume that boluses take from the reservoir, in addition to the base infusion."""
    return boluses * dose_per_bolus / concentration


@formula("mL", source="definition", volume="mL", taken="mL")
def volume_left(volume: Any, taken: Any) -> Any:
    """What is left of a volume when some of it is taken away."""
    return volume - taken


@formula("day", source="definition", days="day", taken="day")
def days_left(days: Any, taken: Any) -> Any:
    """What is left of a time when some of it is taken away."""
    return days - taken


@formula("1", source="definition", part="mL", whole="mL")
def part_of_volume(part: Any, whole: Any) -> Any:
    """Which part one volume is of another."""
    return part / whole


@formula("mL", source="tga-rc-2014-rn-00357-1", volume="mL", flow_accuracy="1")
def volume_if_fast(volume: Any, flow_accuracy: Any) -> Any:
    """The most that can have been delivered for a programmed volume, within the pump's stated accuracy."""
    return volume * (1 + flow_accuracy)


@formula("mL", source="tga-rc-2014-rn-00357-1", volume="mL", flow_accuracy="1")
def volume_if_slow(volume: Any, flow_accuracy: Any) -> Any:
    """The least that can have been delivered for a programmed volume, within the pump's stated accuracy."""
    return volume * (1 - flow_accuracy)


@formula("mL", source="tga-rc-2014-rn-00357-1", volume="mL", flow_accuracy="1")
def volume_when_fast(volume: Any, flow_accuracy: Any) -> Any:
    """What a programme counts as delivered when a pump as fast as its accuracy allows has delivered this much."""
    return volume / (1 + flow_accuracy)


@formula("mL/day", source="tga-rc-2014-rn-00357-1", flow_rate="mL/day", flow_accuracy="1")
def flow_if_fast(flow_rate: Any, flow_accuracy: Any) -> Any:
    """The flow of a pump that runs as fast as its stated accuracy allows."""
    return flow_rate * (1 + flow_accuracy)


@formula("mL/day", source="tga-rc-2014-rn-00357-1", flow_rate="mL/day", flow_accuracy="1")
def flow_if_slow(flow_rate: Any, flow_accuracy: Any) -> Any:
    """The flow of a pump that runs as slowly as its stated accuracy allows."""
    return flow_rate * (1 - flow_accuracy)


@formula("day", source="definition", volume="mL", flow_rate="mL/day")
def days_to_deliver(volume: Any, flow_rate: Any) -> Any:
    """How long a flow takes to deliver a volume."""
    return volume / flow_rate


@formula("mL/day", source="definition", programmed_volume="mL", days="day")
def mean_flow_rate(programmed_volume: Any, days: Any) -> Any:
    """The flow that the programme had on average."""
    return programmed_volume / days


@formula("1", source="definition", total="1", visits="1")
def mean_of_visits(total: Any, visits: Any) -> Any:
    """The mean over visits."""
    return total / visits
