"""Tables of strangers: CSV and XLSX read within limits, their headers found, their cells as text. Knows no room."""
