"""Spreadsheets of requirements sent to the API."""

import pytest

from tests.support.workbooks import words, workbook_of

IMPORT = "/v1/projects/BRIDGE/requirements/import"
HERE = "/v1/projects/BRIDGE/requirements"
CSV = {"Content-Type": "text/csv"}
XLSX = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
FILE = b'Kennung;Titel;Akzeptanzkriterien;Eigner\nR1;Suche;"Eins\nZwei";Ada\n'


async def test_a_dry_run_tells_how_a_file_is_understood_and_writes_nothing(api):
    told = (await api.call("POST", f"{IMPORT}?dry_run=true", content=FILE, headers=CSV)).json()
    assert told == {
        "dry_run": True, "created": 1, "changed": 0, "unchanged": 0, "left_out": [],
        "tables": [{
            "sheet": "", "encoding": "Unicode", "header": 1, "unread": ["Eigner"], "requirements": 1,
            "columns": {"Kennung": "external_ref", "Titel": "title", "Akzeptanzkriterien": "criteria"},
        }],
        "requirements": [{
            "sheet": "", "row": 2, "external_ref": "R1", "number": None, "did": "created", "version": 1,
            "changes": ["title", "criteria"], "withdraws_question": False, "lacks": ["description", "priority"],
        }],
    }  # fmt: skip
    assert (await api.get(HERE))["items"] == []


async def test_a_workbook_is_brought_in_once(api):
    head = f'<row r="1">{words("A1", "ID")}{words("B1", "Title")}</row>'
    content = workbook_of(f'{head}<row r="2"><c r="A2"><v>7</v></c>{words("B2", "Search")}</row>')
    for did in ("created", "unchanged"):
        told = (await api.call("POST", IMPORT, content=content, headers=XLSX)).json()
        assert [(one["number"], one["did"]) for one in told["requirements"]] == [(1, did)]
    (row,) = (await api.get(HERE))["items"]
    assert (row["external_ref"], row["title"], row["audience"]) == ("7", "Search", "internal")


async def test_one_wrong_cell_keeps_the_whole_file_out(api):
    content = b"ID,Title,Priority\nR1,One,must\nR2,Two,urgent\n"
    refused = (await api.call("POST", IMPORT, content=content, headers=CSV, expect=422)).json()
    assert refused["detail"] == "A cell is wrong; nothing was changed."
    assert refused["errors"] == [{
        "in": "body", "field": "/rows/3/Priority", "value": "urgent",
        "message": "Row 3, column “Priority”: This is no priority; right would be must, should, could or wont.",
    }]  # fmt: skip
    assert (await api.get(HERE))["items"] == []


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [(b"", CSV, 422), (b"{}", {"Content-Type": "application/json"}, 415), (b"PK\x03\x04", XLSX, 422)],
)
async def test_what_is_no_spreadsheet_is_refused(api, content, headers, status):
    await api.call("POST", IMPORT, content=content, headers=headers, expect=status)
