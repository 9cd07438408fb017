"""The declarations of the protocol, and what is made of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from pellucid.lab.protocol import schema
from pellucid.lab.serve.methods import METHODS


def test_every_method_is_declared_and_answered() -> None:
    assert list(METHODS) == list(schema.METHODS)


def test_the_schema_is_made_without_pellucid() -> None:
    lab = Path(schema.__file__).parents[1]
    code = "import json, sys; from protocol.schema import schema; print(json.dumps([schema(), sorted(sys.modules)]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(lab)},
        capture_output=True,
        check=True,
        encoding="utf-8",
    )
    made, modules = json.loads(done.stdout)
    assert not [name for name in modules if name.split(".")[0] == "pellucid"]
    definitions = made["definitions"]
    assert definitions["Methods"]["required"] == list(METHODS)
    assert definitions["ExplainParams"]["required"] == ["input", "path", "index"]
    assert definitions["History"]["properties"]["loss"] == {"tsType": "Float64Array"}
    assert '"minItems"' not in done.stdout, "TypeScript would be given tuples of every length"


@pytest.mark.parametrize("name", list(schema.METHODS))
def test_every_number_and_text_that_may_be_sent_has_bounds(name: str) -> None:
    def check(kind: object, place: str) -> None:
        match kind:
            case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
                assert kind.ge is not None and (kind.le is not None or kind.lt is not None), place
            # the options of layers and optimisers: each checks its own
            case msgspec.inspect.StrType() | msgspec.inspect.ListType() | msgspec.inspect.DictType():
                assert kind.max_length is not None, place
            case msgspec.inspect.AnyType():
                pytest.fail(f"{place} may be anything")
        for inner in ("type", "item_type"):
            if hasattr(kind, inner):
                check(getattr(kind, inner), f"{place}.{inner}")
        for many in ("types", "fields"):
            for part in getattr(kind, many, ()):
                check(part, f"{place}.{getattr(part, 'encode_name', many)}")

    check(msgspec.inspect.type_info(schema.METHODS[name].params), name)
