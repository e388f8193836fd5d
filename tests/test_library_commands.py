"""The commands of the drug library: what they print, with which exit code, and what a dry run finds."""

from __future__ import annotations

import io
import json
import shutil
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asking import fill, flow, ladder, ziconotide_fill
from clinic_files import NORTH, change, text_of

from pumpcalc import cli
from pumpcalc.library import figures, fingerprint, load, read_overlay, shipped_folder
from pumpcalc.printing.lines import WIDTH

Said = Callable[..., tuple[int, str, str]]
_ON = ("--on", "2026-12-01")


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run a command here: exit code, standard output, standard error."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        code = cli.main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def north(tmp_path: Path) -> Path:
    file = tmp_path / "north.toml"
    file.write_text(NORTH, encoding="utf-8")
    return file


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another edition of the library: two figures changed, one caution reworded, morphine's last product gone."""
    folder = tmp_path / "edition"
    shutil.copytree(shipped_folder(), folder)
    for file, was, becomes in (
        ("drugs/morphine.toml", '"20 mg/day"', '"18 mg/day"'),
        ("drugs/ziconotide.toml", 'value = "2.4 mcg/day"', 'value = "1.2 mcg/day"'),
        ("pumps/synchromed-ii-20.toml", "can run empty with no alarm.", "may run empty with no alarm."),
    ):
        text = (folder / file).read_text(encoding="utf-8")
        assert was in text
        (folder / file).write_text(text.replace(was, becomes, 1), encoding="utf-8")
    file = folder / "drugs" / "morphine.toml"
    text = file.read_text(encoding="utf-8")
    last = text[text.rindex("[[products]]") :]
    file.write_text(text.replace(last[: last.index("\n\n")], ""), encoding="utf-8")
    return folder


# check


def test_check_says_which_library_it_is_and_counts_every_figure(said: Said) -> None:
    code, out, err = said("library", "check")
    assert (code, err) == (0, "")
    assert out.startswith(f"Drug library {load().version}\nsha256 {load().sha256}\n")
    counts = Counter(fact.status for fact in figures(load()).values())
    statuses = ("verified", "secondary copy", "derived", "unverified", "unknown")
    assert f"{sum(counts.values())} figures: {', '.join(f'{counts[each]} {each}' for each in statuses)}\n" in out


def test_check_names_every_figure_that_is_off_or_unknown_and_every_pump_that_nobody_confirmed(said: Said) -> None:
    _, out, _ = said("library", "check")
    off, _, rest = out.partition("\nUNKNOWN")
    for name, fact in figures(load()).items():
        if fact.quoted:
            assert f"  {name}: {fact.quoted}\n" in off
        elif fact.status == "unknown":
            monograph, _, figure = name.partition(".")
            listed = rest.partition(f"\n  {monograph}: ")[2].partition("\n  ")[0]
            assert figure in " ".join(rest.split()), name
            assert listed
    assert ", ".join(load().pumps) in " ".join(rest.partition("PUMPS that nobody")[2].split())
    assert max(map(len, out.splitlines())) <= WIDTH


def test_check_of_a_folder_with_a_defect_names_file_and_figure_and_exits_2(said: Said, other: Path) -> None:
    assert said("library", "check", other)[0] == 0
    file = other / "drugs" / "morphine.toml"
    file.write_text(file.read_text(encoding="utf-8").replace('"18 mg/day"', '"18 mg"'), encoding="utf-8")
    broken = other.rename(other.with_name("broken"))
    code, out, err = said("library", "check", broken)
    assert (code, out) == (2, "")
    assert err.startswith("pumpcalc: the drug library does not load: drugs/morphine.toml: caution_daily_dose: ")
    assert err.count("\n") == 1


def test_check_of_a_clinics_file_says_whether_it_is_in_force(said: Said, north: Path) -> None:
    code, out, _ = said("library", "check", "--overlay", north, *_ON)
    assert code == 0
    assert out.startswith(
        "North Clinic, overlay 3, effective from 2026-12-01, is in force on 2026-12-01.\nDrug library "
    )
    assert "morphine.maximum_concentration" not in out
    assert "+north-clinic.3\n" in out
    code, out, _ = said("library", "check", shipped_folder(), "--overlay", north, "--on", "2026-11-30")
    assert code == 0
    assert out.startswith("No clinic's file is in force on 2026-11-30: the library answers unchanged.\nDrug library ")
    assert f"sha256 {load().sha256}\n" in out


# show


@pytest.mark.parametrize("name", [*load().drugs, *load().pumps, *load().tables, *load().beyond_use])
def test_a_page_shows_every_figure_with_its_value_status_source_and_place(said: Said, name: str) -> None:
    shelf = load()
    monograph = {**shelf.drugs, **shelf.pumps, **shelf.tables, **shelf.beyond_use}[name]
    code, out, err = said("library", "show", name)
    assert (code, err) == (0, "")
    assert out.startswith(name.upper())
    page = " ".join(out.split())
    assert figures(monograph)
    for figure, fact in figures(monograph).items():
        assert f"{fact.summary} ({figure})" in page
        assert " ".join(fact.where.split()) in page
        assert " ".join(fact.note.split()) in page
        assert not fact.source or f"{shelf.sources[fact.source].title} [{fact.source}]" in page
    assert max(map(len, out.splitlines())) <= WIDTH
    assert f"Fingerprint of this page: {fingerprint(monograph)}\n" in out


def test_a_page_shows_products_and_cautions_and_says_what_is_off(said: Said) -> None:
    _, out, _ = said("library", "show", "morphine")
    assert "maximum concentration: quoted as 20 mg/mL, not verified, off  (morphine.maximum_concentration)\n" in out
    assert "maximum daily dose: unknown  (morphine.maximum_daily_dose)\n    looked in " in out
    for each in load().drugs["morphine"].products:
        assert f"  {each.id}\n    brand: {each.brand}\n    concentration: {each.concentration.quantity}, " in out
    page = " ".join(out.split())
    for caution in load().drugs["morphine"].cautions:
        assert f"{caution.code}: {' '.join(caution.text.listed)}" in page


def test_a_page_shows_a_clinics_figures_and_who_confirmed_the_pump(said: Said, north: Path) -> None:
    _, out, _ = said("library", "show", "synchromed-ii-20")
    assert "\nverified by: nobody\n" in out
    _, out, _ = said("library", "show", "synchromed-ii-20", "--overlay", north, *_ON)
    assert "\nverified by: B. Engineer on 2026-11-18, against synchromed-ii-implant-manual, " in out
    _, out, _ = said("library", "show", "morphine", "--overlay", north, *_ON)
    assert "caution daily dose: 12 mg/day, soft, verified" in out
    assert "The library has: 20 mg/day, soft, verified [infumorph-us-label, dosing, as read at" in " ".join(out.split())


def test_a_page_that_is_not_there_is_refused_with_the_names_that_are(said: Said) -> None:
    code, out, err = said("library", "show", "morphin")
    assert (code, out) == (2, "")
    assert err.startswith('pumpcalc: The library has no "morphin"; it has ')
    assert "morphine" in err


# diff


def test_the_same_library_does_not_differ(said: Said) -> None:
    code, out, err = said("library", "diff", shipped_folder(), shipped_folder())
    assert (code, err) == (0, "")
    assert out.endswith("The two are the same.\n")


def test_a_comment_makes_another_checksum_and_no_other_figure(said: Said, tmp_path: Path) -> None:
    shutil.copytree(shipped_folder(), tmp_path / "commented")
    with (tmp_path / "commented" / "sources.toml").open("a", encoding="utf-8") as file:
        file.write("# a comment\n")
    code, out, _ = said("library", "diff", shipped_folder(), tmp_path / "commented")
    assert code == 0
    assert out.endswith("Every figure and statement is the same.\n")


def test_two_editions_differ_in_what_changed_what_is_gone_and_nothing_else_by_name(said: Said, other: Path) -> None:
    code, out, _ = said("library", "diff", shipped_folder(), other)
    assert code == 1
    named = [line for line in out.splitlines() if line and line[0] not in "-+ " and not line.endswith("differ.")]
    assert named == sorted(named)
    gone = set(figures(load().drugs["morphine"].products[-1]))
    assert gone
    assert set(named) >= gone | {"morphine.caution_daily_dose"}
    rest = [name for name in named if not name.startswith(next(iter(gone)).rpartition(".")[0])]
    assert [name.partition(".")[0] for name in rest] == ["morphine", "synchromed-ii-20", "ziconotide"]
    assert "\nmorphine.caution_daily_dose\n  - 20 mg/day, soft, verified [infumorph-us-label: dosing" in out
    assert "\n  + 18 mg/day, soft, verified [infumorph-us-label: dosing" in out
    assert "  + is not there\n" in out
    back = said("library", "diff", other, shipped_folder())
    assert back[0] == 1
    assert "  - is not there\n" in back[1]


def test_a_clinics_file_differs_in_its_changes_from_its_day_on(said: Said, north: Path) -> None:
    code, out, _ = said("library", "diff", shipped_folder(), north, *_ON)
    assert code == 1
    named = [line for line in out.splitlines() if line and line[0] not in "-+ "]
    assert named == ["morphine.caution_daily_dose", "morphine.maximum_concentration", "synchromed-ii-20.verified_by",
                     "ziconotide.maximum_daily_dose", "4 differ."]  # fmt: skip
    code, out, _ = said("library", "diff", shipped_folder(), north, "--on", "2026-11-30")
    assert code == 0
    assert out.startswith("north.toml is not in force on 2026-11-30.\n")


def test_a_library_that_does_not_load_is_named_as_the_old_or_the_new_one(said: Said, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for old, new, which in (
        (tmp_path / "empty", shipped_folder(), "OLD"),
        (shipped_folder(), tmp_path / "empty", "NEW"),
    ):
        code, _, err = said("library", "diff", old, new)
        assert code == 2
        assert err.startswith(f"pumpcalc: the drug library does not load: {which}: library.toml: cannot be read")


# A clinic's figures answer


def test_a_clinics_figures_answer_every_command_that_calculates(said: Said, north: Path, tmp_path: Path) -> None:
    request = tmp_path / "request.json"
    request.write_text(json.dumps(flow(daily_dose="15 mg/day")), encoding="utf-8")
    both = ("--overlay", north, *_ON)
    plain = json.loads(said("calculate", "flow-rate", request)[1])
    code, out, _ = said("calculate", "flow-rate", *both, request)
    assert code == 0
    site = json.loads(out)
    hit = [[each["name"] for each in record["limits"] if each["hit"]] for record in (plain, site)]
    assert hit == [[], ["caution_daily_dose"]]
    assert json.loads(said("calculate", "flow-rate", request, "--lines", *both)[1]) == site
    assert json.loads(said("calculate", "flow-rate", request, f"--overlay={north}", "--on=2026-11-30")[1]) == plain
    dose = ("--drug", "morphine", "--daily-dose", "15 mg/day", "--concentration", "20 mg/mL")
    page = said("flow-rate", *dose, *both)[1]
    assert "caution_daily_dose: 15 mg/day at most 12 mg/day: HIT, soft" in page
    assert f"Library {load().version}+north-clinic.3 (" in page
    record = tmp_path / "record.json"
    record.write_text(out, encoding="utf-8")
    assert said("verify", record, *both)[1].endswith("Asked again with the same library, it gives the same record.\n")
    assert "it was not asked again" in said("verify", record)[1]


def test_of_several_versions_the_one_in_force_on_the_day_answers(said: Said, tmp_path: Path) -> None:
    dose = change("morphine.caution_daily_dose", "tighten", "10 mg/day", was="20 mg/day")
    files = []
    for version, day in ((1, "2026-12-01"), (2, "2027-01-01")):
        files.append(tmp_path / f"{version}.toml")
        files[-1].write_text(text_of(dose, version=version).replace("2026-12-01", day), encoding="utf-8")
    for day, version in (("2026-11-30", ""), ("2026-12-31", "+south-clinic.1"), ("2027-01-01", "+south-clinic.2")):
        code, out, _ = said("library", "check", "--overlay", files[1], "--overlay", files[0], "--on", day)
        assert code == 0
        assert f"Drug library {load().version}{version}\n" in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--overlay", "FILE"), "A clinic's file needs --on"),
        (("--on", "2026-12-01"), "--on is the day of a clinic's file"),
        (("--overlay", "FILE", "--on", "1 December"), 'on: "1 December" is not a day: write it as 2026-12-01'),
        (("--overlay", "FILE", "--on", "20261201"), 'on: "20261201" is not a day'),
        (("--overlay", "FILE", "--on", "2026-W49-2"), 'on: "2026-W49-2" is not a day'),
        (("--overlay", "nowhere.toml", "--on", "2026-12-01"), "nowhere.toml: cannot be read"),
    ],
)
def test_a_clinics_file_needs_its_day_and_no_clock_is_read(
    said: Said, north: Path, words: tuple[str, ...], says: str
) -> None:
    given = [str(north) if word == "FILE" else word for word in words]
    dose = ("--drug", "morphine", "--daily-dose", "15 mg/day", "--concentration", "20 mg/mL")
    for command in (("library", "check"), ("library", "show", "morphine"), ("flow-rate", *dose)):
        code, out, err = said(*command, *given)
        assert (code, out) == (2, "")
        assert says in err


def test_the_help_says_how_a_clinics_file_is_written_and_its_example_is_one(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as left:
        cli.main(["library", "--help"])
    assert left.value.code == 0
    shown = capsys.readouterr().out
    example = shown.partition("loosens.\n\n")[2].partition("\n\nconfirm ")[0]
    (tmp_path / "example.toml").write_text(textwrap.dedent(example), encoding="utf-8")
    assert str(read_overlay(tmp_path / "example.toml")) == "North Clinic, overlay 3"


# dry-run


def _record(said: Said, name: str, request: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "asked.json"
    file.write_text(json.dumps(request), encoding="utf-8")
    return dict(json.loads(said("calculate", name, file)[1]))


def _records(tmp_path: Path, *records: Any) -> Path:
    file = tmp_path / "plans.jsonl"
    file.write_text("".join(f"{json.dumps(each)}\n" for each in records), encoding="utf-8")
    return file


def test_a_dry_run_finds_exactly_the_plans_that_change(said: Said, north: Path, tmp_path: Path) -> None:
    asked = [
        ("flow-rate", flow(daily_dose="12 mg/day")),
        ("flow-rate", flow(daily_dose="12.5 mg/day")),
        ("refill-schedule", fill(daily_dose="15 mg/day")),
        ("refill-schedule", ziconotide_fill()),
        ("flow-rate", {"drug": "ziconotide", "daily_dose": "20 mcg/day", "concentration": "25 mcg/mL"}),
        ("flow-rate", {"drug": "ziconotide", "daily_dose": "22 mcg/day", "concentration": "25 mcg/mL"}),
        ("titration", ladder()),
    ]
    records = [_record(said, *each, tmp_path) for each in asked]
    code, out, err = said("library", "dry-run", north, _records(tmp_path, *records), *_ON)
    assert (code, err) == (1, "")
    assert [line.partition(",")[0] for line in out.splitlines() if line.startswith("line ")] == [
        "line 2",
        "line 3",
        "line 5",
    ]
    assert (
        "line 2, flow-rate\n  newly hit: caution_daily_dose: 12.5 mg/day at most 12 mg/day, soft [north-policy-2026"
        in out
    )
    assert "line 5, flow-rate\n  not hit any more: maximum_daily_dose: 20 mcg/day at most 19.2 mcg/day, hard" in out
    assert out.endswith("North Clinic, overlay 3, on 2026-12-01: 3 changed, 4 unchanged.\n")


def test_a_plan_changes_from_just_past_the_new_bound_to_the_old_one(said: Said, north: Path, tmp_path: Path) -> None:
    """From 12 to 20 mg/day: at 12 nothing is hit with the file either, above 20 it was hit without it."""
    doses = ["11.9", "12", "12.1", "16", "20", "20.1", "24"]
    plans = [{"calculation": "flow-rate", "request": flow(daily_dose=f"{dose} mg/day")} for dose in doses]
    _, out, _ = said("library", "dry-run", north, _records(tmp_path, *plans), *_ON)
    assert [line for line in out.splitlines() if line.startswith("line ")] == [
        f"line {number}, flow-rate" for number in (3, 4, 5)
    ]


def test_a_dry_run_shows_the_answers_that_differ(said: Said, tmp_path: Path) -> None:
    shorter = change("morphine.in_pump_stability.any", "tighten", "30 day", was="90 day")
    lower = change("ziconotide.titration.us-label.maximum_daily_dose", "tighten", "9.6 mcg/day", was="19.2 mcg/day")
    file = tmp_path / "south.toml"
    file.write_text(text_of(shorter, lower), encoding="utf-8")
    records = [_record(said, *each, tmp_path) for each in (("refill-schedule", fill()), ("titration", ladder()))]
    code, out, _ = said("library", "dry-run", file, _records(tmp_path, *records), *_ON)
    assert code == 1
    plan, titration = out.split("\nline 2")
    assert "  refill by: 2026-02-10 -> 2026-02-04\n  binding: low-reservoir-alarm -> in-pump-stability\n" in plan
    assert "  limits: 1 of 3 rows differ\n" in plan
    assert "  final daily dose: 16.8 mcg/day -> 9.6 mcg/day\n" in titration
    assert "  increments: 6 -> 3\n" in titration


def test_a_dry_run_that_changes_nothing_exits_0(said: Said, north: Path, tmp_path: Path) -> None:
    code, out, _ = said(
        "library", "dry-run", north, _records(tmp_path, _record(said, "flow-rate", flow(), tmp_path)), *_ON
    )
    assert (code, out) == (0, "North Clinic, overlay 3, on 2026-12-01: 0 changed, 1 unchanged.\n")


def test_a_plan_that_would_be_refused_or_answered_anew_is_a_change(said: Said, tmp_path: Path) -> None:
    """A library without a figure that a plan needs: the clinic's file brings it, and the plan is answered."""
    accuracy = change("synchromed-iii-20.flow_accuracy", "confirm", "14.5 %", role="information")
    file = tmp_path / "south.toml"
    file.write_text(text_of(accuracy), encoding="utf-8")
    needs = fill(pump="synchromed-iii-20", accuracy_caps_interval=True)
    plan = {"calculation": "refill-schedule", "request": needs}
    code, out, _ = said("library", "dry-run", file, _records(tmp_path, plan), *_ON)
    assert code == 1
    assert "line 1, refill-schedule\n  answered, where it was refused: This calculation needs synchromed-iii-20." in out
    shorter = change("morphine.in_pump_stability.any", "tighten", "2 day", was="90 day")
    file.write_text(text_of(shorter), encoding="utf-8")
    plan = {"calculation": "refill-schedule", "request": fill(days_before="3")}
    code, out, _ = said("library", "dry-run", file, _records(tmp_path, plan), *_ON)
    assert code == 1
    assert "line 1, refill-schedule\n  refused: The fill of 2026-01-05 lasts 2 day (in-pump-stability); with" in out


def test_a_plan_that_is_refused_either_way_is_counted_and_is_no_change(said: Said, north: Path, tmp_path: Path) -> None:
    plan = {"calculation": "flow-rate", "request": flow(drug="morphin")}
    code, out, _ = said("library", "dry-run", north, _records(tmp_path, plan), *_ON)
    assert code == 0
    assert out.splitlines()[0].endswith("0 changed, 0 unchanged.")
    assert "1 refused with it and without it.\n" in out


def test_a_plan_is_called_by_its_clinic_and_id_and_no_name_can_harm_a_terminal(
    said: Said, north: Path, tmp_path: Path
) -> None:
    record = _record(said, "flow-rate", flow(daily_dose="15 mg/day"), tmp_path)
    lines = _records(
        tmp_path,
        {"id": "pump-1f", "clinic": "clinic-2a", "record": record},
        {"id": "x\x1b[2J\u202e", "record": record},
        {"id": ["a"], "record": record},
    )
    code, out, _ = said("library", "dry-run", north, lines, *_ON)
    assert code == 1
    titles = [line for line in out.splitlines() if line.startswith("line ")]
    assert titles == ["line 1, clinic-2a, pump-1f, flow-rate", 'line 2, "x\\x1b[2J\\u202e", flow-rate',
                      "line 3, a list, flow-rate"]  # fmt: skip


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "7", '{"outcome": "refused", "problem": {}}', '{"record": 1}', '{"calculation": "flow-rate"}',
     '{"calculation": 3, "request": {}}', '{"calculation": "flow-rate", "request": [], "request": {}}'],
)  # fmt: skip
def test_a_line_that_is_no_record_is_said_to_be_none_and_the_others_are_looked_at(
    said: Said, north: Path, tmp_path: Path, line: str
) -> None:
    good = json.dumps(_record(said, "flow-rate", flow(daily_dose="15 mg/day"), tmp_path))
    file = tmp_path / "plans.jsonl"
    file.write_text(f"{good}\n\n{line}\n{good}\n", encoding="utf-8")
    code, out, _ = said("library", "dry-run", north, file, *_ON)
    assert code == 2, "a plan that was not looked at is worse than one that changes"
    assert "\nline 3: This " in out
    assert "2 changed, 0 unchanged.\n1 no record.\n" in out


def test_a_record_of_another_library_is_answered_again_by_both_and_counted(
    said: Said, north: Path, tmp_path: Path
) -> None:
    record = _record(said, "flow-rate", flow(), tmp_path)
    record["library"]["sha256"] = "0" * 64
    _, out, _ = said("library", "dry-run", north, _records(tmp_path, record), *_ON)
    assert "1 recorded with another library than answers here without it" in out


def test_a_dry_run_compares_with_the_version_that_answers_now(said: Said, tmp_path: Path) -> None:
    first = change("morphine.caution_daily_dose", "tighten", "8 mg/day", was="20 mg/day")
    second = change("morphine.caution_daily_dose", "tighten", "12 mg/day", was="20 mg/day")
    one, two = tmp_path / "one.toml", tmp_path / "two.toml"
    one.write_text(text_of(first, version=1), encoding="utf-8")
    two.write_text(text_of(second, version=2), encoding="utf-8")
    plans = _records(tmp_path, _record(said, "flow-rate", flow(daily_dose="10 mg/day"), tmp_path))
    assert said("library", "dry-run", two, plans, *_ON)[0] == 0
    code, out, _ = said("library", "dry-run", two, plans, *_ON, "--overlay", one)
    assert code == 1
    assert "not hit any more: caution_daily_dose: 10 mg/day at most 8 mg/day" in out


def test_a_dry_run_on_a_day_on_which_the_file_does_not_hold_is_refused(said: Said, north: Path, tmp_path: Path) -> None:
    code, out, err = said("library", "dry-run", north, _records(tmp_path), "--on", "2026-11-30")
    assert (code, out) == (2, "")
    assert "is not in force on 2026-11-30" in err


def test_plans_are_read_from_standard_input(
    said: Said, north: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _records(tmp_path, _record(said, "flow-rate", flow(daily_dose="15 mg/day"), tmp_path))

    class Input(io.StringIO):
        def fileno(self) -> int:
            return stream.fileno()

    with file.open("rb") as stream:
        monkeypatch.setattr("sys.stdin", Input())
        assert said("library", "dry-run", north, "-", *_ON)[0] == 1
