"""The command line: JSON in and out, one request per line, the page for a person, and what each exit code means."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asking import fill, flow, ladder, ziconotide_fill
from records import ASKED, RECORDS

import pumpcalc
from pumpcalc import CALCULATORS, cli


def _run(*words: str, text: str | bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The command as a process of its own."""
    sent = text.encode() if isinstance(text, str) else text
    here = os.environ | {"PYTHONPATH": str(Path(pumpcalc.__file__).parents[1])}
    command = [sys.executable, "-m", "pumpcalc.cli", *words]
    return subprocess.run(command, input=sent, capture_output=True, env=here, check=False)


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    """Run the command here over a file that holds this text: exit code, standard output, standard error."""

    def run(words: str, text: str | bytes | None = None) -> tuple[int, str, str]:
        file = tmp_path / "request.json"
        if text is not None:
            file.write_bytes(text.encode() if isinstance(text, str) else text)
        asked, options = words.partition(" --")[::2]
        file_of_it = [str(file)] if text is not None else []
        code = cli.main([*asked.split(), *file_of_it, *([f"--{options}"] if options else [])])
        return code, *capsys.readouterr()

    return run


def test_the_command_of_the_issue_answers_half_a_millilitre_a_day() -> None:
    done = _run("calculate", "flow-rate", text=json.dumps(flow()))
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["answers"]["flow_rate"] == "0.5 mL/day"


@pytest.mark.parametrize("name", RECORDS)
def test_the_command_prints_the_same_record_that_python_returns(said: Any, name: str) -> None:
    calculation, request = ASKED[name]
    code, out, _ = said(f"calculate {calculation}", json.dumps(request))
    assert code == cli.ANSWERED
    assert json.loads(out) == RECORDS[name].model_dump(mode="json")


def test_a_dash_and_nothing_both_mean_standard_input() -> None:
    request = json.dumps(flow())
    assert (
        _run("calculate", "flow-rate", "-", text=request).stdout == _run("calculate", "flow-rate", text=request).stdout
    )


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("", "not-json", "line 1, column 1"),
        ("{", "not-json", "not JSON"),
        ('{"drug": "morphine", "drug": "ziconotide"}', "not-json", "same key twice"),
        ('{"daily_dose": NaN}', "not-json", "NaN"),
        ('{"daily_dose": Infinity}', "not-json", "Infinity"),
        ('{"daily_dose": -Infinity}', "not-json", "Infinity"),
        ('{"daily_dose": 025}', "not-json", "not JSON"),
        ("{'drug': 'morphine'}", "not-json", "not JSON"),
        ('{"drug": "morphine"} {}', "not-json", "not JSON"),
        ('{"\\ud800": "morphine"}', "not-json", "half of a character"),
        (b'\xff{"drug": "morphine"}', "not-json", "not UTF-8"),
        (b'\xef\xbb\xbf{"drug": "morphine"}', "not-json", "byte order mark"),
        ("[" * 33 + "]" * 33, "not-json", "nested deeper"),
        ("[" + "1," * 2001 + "1]", "not-json", "members"),
        ('{"note": "' + "x" * 70_000 + '"}', "too-large", "65536 bytes"),
        ("[]", "wrong-type", "an object with fields"),
        ('"text"', "wrong-type", "an object with fields"),
        ("null", "wrong-type", "an object with fields"),
        ('{"drug": "morphine", "daily_dose": 10, "concentration": "20 mg/mL"}', "quantity-as-text", "10 has no unit"),
        ('{"drug": "morphine", "daily_dose": 1e400, "concentration": "20 mg/mL"}', "quantity-as-text", "1e400"),
        ('{"drug": "morphine", "daily_dose": ' + "1" * 5000 + "}", "quantity-as-text", "has no unit"),
    ],
)  # fmt: skip
def test_what_is_not_a_request_is_refused_on_standard_output_with_exit_2(
    said: Any, text: str | bytes, code: str, says: str
) -> None:
    try:
        status, out, _ = said("calculate flow-rate", text)
    except pumpcalc.Refusal as refusal:  # a refusal must never escape the command
        pytest.fail(str(refusal))
    record = json.loads(out)
    assert (status, record["outcome"], record["problem"]["code"]) == (cli.REFUSED, "refused", code)
    assert says in record["problem"]["detail"]


def test_a_missing_file_an_unknown_name_and_a_stray_option_exit_2_with_one_sentence(said: Any) -> None:
    code, out, err = said("calculate flow-rate /no/such/file.json")
    assert (code, out, err) == (2, "", 'pumpcalc: "/no/such/file.json" cannot be read: No such file or directory.\n')
    code, out, _ = said("calculate flow-rates", "{}")
    assert (code, json.loads(out)["problem"]["did_you_mean"]) == (2, "flow-rate")
    for words in ("calculate", "calcluate flow-rate", "flow-rate --dose", "flow-rate x", ""):
        with pytest.raises(SystemExit) as left:
            said(words)
        assert left.value.code == 2


def test_one_record_per_line_in_order_refusals_included(said: Any) -> None:
    asked = [fill(), fill(daily_dose="0 mg/day"), {"x": 1}, fill(days_before="400"), fill(fill_volume="22 mL")] * 3
    code, out, err = said("calculate refill-schedule --lines", "\n".join(map(json.dumps, asked)) + "\n\n")
    together = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (cli.SOME_LINES_REFUSED, "")
    assert together == [json.loads(said("calculate refill-schedule", json.dumps(each))[1]) for each in asked]
    assert [record["outcome"] for record in together[:5]] == ["answer", "refused", "refused", "refused", "answer"]
    assert said("calculate refill-schedule --lines", json.dumps(fill()))[0] == cli.ANSWERED


def test_one_bad_line_does_not_change_the_others(said: Any) -> None:
    lines = [json.dumps(flow()), "{not json", json.dumps(flow())]
    code, out, _ = said("calculate flow-rate --lines", "\n".join(lines))
    first, second, third = map(json.loads, out.splitlines())
    assert (code, first, second["problem"]["code"]) == (1, third, "not-json")


def test_many_lines_are_read_from_standard_input() -> None:
    done = _run("calculate", "flow-rate", "--lines", text="\n".join([json.dumps(flow())] * 3))
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 3)


def test_the_list_names_every_calculation_with_its_meaning(said: Any) -> None:
    code, out, _ = said("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(CALCULATORS)
    assert all(len(line.split()) > 5 for line in out.splitlines())


# Verify


@pytest.mark.parametrize("name", RECORDS)
def test_a_saved_record_is_verified(said: Any, name: str) -> None:
    code, out, err = said("verify", json.dumps(RECORDS[name].model_dump(mode="json")))
    assert (code, err) == (0, "")
    assert out.endswith("Asked again with the same library, it gives the same record.\n")


def test_a_saved_record_that_was_altered_is_withheld_with_exit_3(said: Any) -> None:
    text = json.dumps(RECORDS["flow-rate"].model_dump(mode="json")).replace("0.5 mL/day", "5.0 mL/day")
    code, out, err = said("verify", text)
    assert (code, out) == (cli.WITHHELD, "")
    assert err.startswith("pumpcalc: withheld: the independent replay of ")


def test_what_is_not_a_record_is_refused_with_exit_2(said: Any) -> None:
    code, _, err = said("verify", '{"outcome": "refused"}')
    assert code == 2
    assert err.startswith("pumpcalc: This is not the record of a calculation")
    assert said("verify", "not json")[0] == 2


# For a person


def test_the_page_for_a_person_is_asked_with_options(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["flow-rate", "--drug", "morphine", "--daily-dose", "10 mg/day", "--concentration", "20 mg/mL"])
    page = capsys.readouterr().out
    assert code == 0
    assert page.startswith("FLOW RATE, morphine\n\n  flow rate: 0.5 mL/day\n")
    assert "10 mg/day \u00f7 20 mg/mL" in page
    assert "Not cleared or approved by FDA" in " ".join(page.split())


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_of_a_request_is_an_option_and_gives_the_same_page(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from pumpcalc.printing import print_worksheet

    calculation, request = ASKED[name]
    words = [calculation]
    for field, value in request.items():
        option = "--" + field.replace("_", "-")
        if isinstance(value, list) and isinstance(value[0], dict):
            for line in value:
                words += [option, *[f"{p}={t if isinstance(t, str) else json.dumps(t)}" for p, t in line.items()]]
        else:
            words += [option, *([] if value is True else value if isinstance(value, list) else [str(value)])]
    assert cli.main(words) == 0
    assert capsys.readouterr().out == print_worksheet(RECORDS[name])


def test_a_refusal_to_a_person_is_the_same_sentence_with_its_field(capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["flow-rate", "--drug", "morphin", "--daily-dose", "1,5 mg/day", "--concentration", "20 mg/mL"])
    err = capsys.readouterr().err
    with pytest.raises(pumpcalc.Refusal) as caught:
        pumpcalc.calculate("flow-rate", flow(daily_dose="1,5 mg/day"))
    assert code == 2
    assert err == f"pumpcalc: daily_dose: {caught.value.problems[0].detail}\n"


def test_a_line_of_a_list_is_written_as_fields_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["morphine"], ["opioid=morphine", "opioid=oxycodone"]):
        assert cli.main(["oral-morphine-equivalent", "--table", "cdc-2022", "--regimen", *words]) == 2
        assert "field=value" in capsys.readouterr().err


def test_the_progress_bar_never_reaches_the_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out, err = io.StringIO(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    file = tmp_path / "many.jsonl"
    file.write_text(f"{json.dumps(flow())}\n" * 20, encoding="utf-8")
    assert cli.main(["calculate", "flow-rate", str(file), "--lines"]) == 0
    assert len(list(map(json.loads, out.getvalue().splitlines()))) == 20
    assert err.getvalue().endswith("100 %\n")


def test_help_is_given_for_every_calculation(capsys: pytest.CaptureFixture[str]) -> None:
    for name in CALCULATORS:
        with pytest.raises(SystemExit) as left:
            cli.main([name, "--help"])
        assert left.value.code == 0
        shown = capsys.readouterr().out
        assert all(f"--{field.replace('_', '-')}" in shown for field in CALCULATORS[name].request.model_fields)


def test_a_titration_and_a_fill_print_their_rows(capsys: pytest.CaptureFixture[str]) -> None:
    from pumpcalc.printing import print_worksheet

    page = print_worksheet(pumpcalc.calculate("titration", ladder(start_date="2026-01-05")))
    assert "    4     2026-01-09   4.8 mcg/day" in page
    over = print_worksheet(pumpcalc.calculate("refill-schedule", ziconotide_fill(fill_volume="22 mL")))
    assert "LIMITS HIT\n  reservoir_volume: 22 mL at most 20 mL: HIT, hard" in over
    assert "NOT CHECKED, because nobody has read the figure\n  - synchromed-ii-20.maximum_flow_rate" in over
