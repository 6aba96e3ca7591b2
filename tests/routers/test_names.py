"""What a router of one's own is made from comes from `vlrouterbench.routers`, and only when it is used."""

import subprocess
import sys

import pytest

from vlrouterbench import routers


def test_every_public_name_resolves():
    assert {name: getattr(routers, name).__name__ for name in dir(routers)} == {name: name for name in routers.__all__}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        routers.nothing  # noqa: B018


def test_importing_the_package_of_routers_imports_no_torch():
    code = "import sys, vlrouterbench.routers; sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
