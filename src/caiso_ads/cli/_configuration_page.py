"""``docs/configuration.md`` as text, drawn from the structs that check a configuration. Rule: no key is told twice."""

from __future__ import annotations

from itertools import groupby

from caiso_ads.config import KeyDoc, describe_config

_HEAD = """\
# Configuration

This page is generated: `caiso-ads check --document > docs/configuration.md`.

One TOML file configures a gateway. `caiso-ads check --config gateway.toml` says what is wrong with it, with the line
and the cure, and touches nothing. A key that is not listed here is refused, so a spelling mistake cannot pass unseen.

- A path is relative to the folder of the file itself.
- Times are in seconds, powers in MW.
- `pmin_mw` and `pmax_mw` have no default: a setpoint outside of them is refused, and nobody can guess them.
- The order of the resources is the order of the register map. Add new ones at the end.
- The status file is always written, for `caiso-ads status`. It changes each second: point it at a memory disk, such as
  a folder below `/run`, to spare flash.
"""

_EXAMPLE_HEAD = """
## A complete example

```toml
"""

EXAMPLE = """\
[ads]
url = "https://adsws.prod.caiso.com/ADS/APIWebService/v8"
certificate = "plant.p12"
passphrase_file = "plant.passphrase"
ca_file = "caiso-ca.pem"
acknowledge = false

[store]
path = "data/gateway.db"

[[resource]]
id = "PLANT_1_UNIT"
name = "Plant 1"
pmin_mw = 0.0
pmax_mw = 150.0

[sinks.modbus]
host = "127.0.0.1"
port = 5020

[sinks.files]
directory = "out"
"""

_ENVIRONMENTS = """\
```

## Environments

`[ads] environment` keeps test and production apart. Anything but `"production"` shows the directive TEST, never FOLLOW,
and marks every file.

| environment | refuses |
|---|---|
| `"production"` | this machine as the server; certificates made by the simulator |
| `"market-sim"` | CAISO's production hosts |
| `"simulator"` | every host of CAISO |
"""


def page() -> str:
    """Return the page in Markdown."""
    keys = describe_config()
    tables = [_table(name, list(rows)) for name, rows in groupby(keys, key=lambda row: row.table)]
    return _HEAD + "".join(tables) + _EXAMPLE_HEAD + EXAMPLE + _ENVIRONMENTS


def _table(name: str, rows: list[KeyDoc]) -> str:
    lines = [f"| `{row.key}` | {row.type} | {_default(row)} | {row.doc} |" for row in rows]
    return "\n".join([f"\n## `{name}`\n", "| key | type | default | meaning |", "|---|---|---|---|", *lines]) + "\n"


def _default(row: KeyDoc) -> str:
    return f"`{row.default}`" if row.default not in {"", "none"} else row.default or "must be given"
