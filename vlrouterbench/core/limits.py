"""Limits on what is read from others: one place for all of them, each with the reason for its size.

Decisions
- A limit lies well above what anyone saves on purpose, and low enough that the largest input within all limits is read
  in seconds and in less than a gigabyte.
- What exceeds one is refused as a whole with one message, or named in `left_out`; nothing is cut short silently.
"""

from __future__ import annotations

NAME_CHARACTERS = 200
"""Characters of a candidate's, router's or dataset's name: it becomes part of file names, which end at 255 bytes."""

PRICE_FILE_BYTES = 64 * 2**20
"""Of a price list; the largest that is published has 4 MB."""
YAML_BYTES = 256 * 2**10
"""Of a YAML file: its reader takes about 10 s per megabyte. That is some 4,000 candidates."""
YAML_DEPTH = 16
ANSWER_USD = 1_000_000
"""Of one answer: a million tokens at the highest price that is read, a dollar a token."""
ANSWER_SECONDS = 10_000_000
"""Of one answer: some hundred days."""
CANDIDATES = 10_000
"""Rows of a file of candidates or prices."""

TABLE_COLUMNS = 5_000
"""Of a table; the widest that are shared have some hundreds."""
TABLE_ROWS = 50_000_000
"""Of a parquet file, which can state any number of rows in a few bytes."""
TABLE_VALUES = 250_000_000
"""Rows times columns of a parquet file: 17 million outcomes of eight columns are 136 million."""
TABLE_BYTES = 2**31
"""Of a parquet file's columns in memory, where that is also TABLE_RATIO times what the file takes: such a file repeats
one text over and over. Files that are large themselves have no limit."""
TABLE_RATIO = 100
FREE_VALUES = 20_000_000
VALUES_PER_BYTE = 20
"""Values in lists of a parquet file beyond one a row: so many are free, and then so many for each of its bytes. A file
beyond that repeats one value over and over. Columns without lists are held by TABLE_VALUES: millions of equal cells,
such as outcomes right or wrong, take next to nothing in an honest file."""
PACKED_BYTES = 2**29
"""Unpacked, of a file in gzip, where that is also TABLE_RATIO times what the file takes."""
JSON_KEYS = 5_000
"""Different keys in all rows of a JSON file, those inside of others too: its reader holds a column for each."""
JSON_CONTAINERS = 5_000_000
JSON_VALUES = 20_000_000
"""Lists and objects, and values in them, of a file that is one list of rows: all are Python objects at once."""
JSON_ROW_VALUES = 1_000_000
"""Values in one row of JSON, about; the widest rows hold a vector of some thousands."""
JSON_DEPTH = 500
"""Lists and objects within each other in one row of JSON: native readers recurse, and end the process at some depth."""
WORKBOOK_BYTES = 2**29
"""Unpacked, of an xlsx file; a sheet of a million rows with half a kilobyte each."""
WORKBOOK_CELLS = 20_000_000
"""Rows times columns that a sheet spans: its reader holds all of them, empty or not."""
WORKBOOK_TEXT_BYTES = 2**29
"""Of all cells, each shared string counted as often as cells refer to it."""
CELL_BYTES = 2**20
"""Of one cell of an xlsx file, about: Excel itself holds 32,767 characters."""

LARGEST_SEED = 2**32 - 1
"""Of numpy and of torch; the smallest is 0."""
