"""Asks an archive the questions of a page: ask.py PAGE DATA-FOLDER. Prints a JSON object: by each heading, a list of rows as objects."""

import json
import re
import sys

import duckdb

page, data = sys.argv[1:]
with open(page, encoding="utf-8") as file:
    text = file.read()
section = text[text.index("## Ten questions") :]
blocks = re.findall(r"```sql\n(.*?)```", section, re.S)
headings = re.findall(r"^### (\d+\. .*)$", section, re.M)
if len(blocks) != 1 + len(headings):
    sys.exit(f"{len(headings)} headings and {len(blocks)} blocks of SQL, of which the first makes the views")

connection = duckdb.connect()
connection.execute(blocks[0].replace("'takeup-data/", "'" + data.replace("'", "''") + "/"))
answers = {}
for heading, query in zip(headings, blocks[1:]):
    found = connection.execute(query)
    names = [column[0] for column in found.description]
    answers[heading] = [dict(zip(names, row)) for row in found.fetchall()]
json.dump(answers, sys.stdout, default=str)
