"""The lowest versions that setup.cfg allows, as constraints: `python tests/lowest.py > FILE`. Standard library only."""

import configparser
import re
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parent.parent / "setup.cfg"
REQUIREMENT = re.compile(r"^(?P<name>[A-Za-z0-9_.-]+)\s*(?P<range>[^;]*)(;\s*(?P<marker>.*))?$")


def lowest_versions(setup=SETUP):
    """`name==version` of every dependency of the core and of the extra `test` that states a lowest version."""
    parser = configparser.ConfigParser()
    parser.read(setup, encoding="utf-8")
    stated = parser["options"]["install_requires"] + parser["options.extras_require"]["test"]
    lowest = {}
    for line in filter(None, map(str.strip, stated.splitlines())):
        requirement = REQUIREMENT.match(line)
        bound = re.search(r"(?:>=|==)\s*([0-9][0-9.]*)", requirement["range"])
        if bound and not (requirement["marker"] or "").startswith('python_version >= "3.14"'):
            lowest.setdefault(requirement["name"], bound.group(1))
    return [f"{name}=={version}" for name, version in sorted(lowest.items(), key=lambda entry: entry[0].lower())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(lowest_versions()) + "\n")
