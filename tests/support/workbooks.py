"""Workbooks (XLSX) of one sheet, written by hand so that they can say what no program would."""

import io
import zipfile

PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
    "_rels/.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
        '<sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="worksheets/sheet1.xml"/></Relationships>'
    ),
}


def workbook_of(rows: str) -> bytes:
    """A workbook of one sheet, whatever it says."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in PARTS.items():
            packed.writestr(name, content)
        sheet = f"<sheetData>{rows}</sheetData>"
        space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
        packed.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{space}">{sheet}</worksheet>')
    return written.getvalue()


def words(at: str, text: str) -> str:
    """A cell at a place such as `A1` that holds a text."""
    return f'<c r="{at}" t="inlineStr"><is><t>{text}</t></is></c>'
