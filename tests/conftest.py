"""What a second and a third Python leave out, because time is short and what they would find is not new.

``--hypothesis-profile=brief`` runs the property tests with few examples; ``--share=1/2`` runs the test files of one half.
"""

from __future__ import annotations

from zlib import crc32

import pytest
from hypothesis import settings

settings.register_profile("calm", deadline=None)  # a busy machine is no failure
settings.register_profile("brief", max_examples=15, deadline=None)
settings.load_profile("calm")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--share", default="1/1", help="run the n-th of m shares of the test files, for example 1/2")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    share, shares = map(int, config.getoption("--share").split("/"))
    chosen: list[pytest.Item] = []
    left_out: list[pytest.Item] = []
    for item in items:
        mine = crc32(item.nodeid.partition("::")[0].encode()) % shares == share - 1
        (chosen if mine else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    items[:] = chosen
