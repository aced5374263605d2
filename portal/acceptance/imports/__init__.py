"""Test cases and results out of other tools' files: spreadsheets, TestRail, Xray, Zephyr, JUnit. Pure."""
