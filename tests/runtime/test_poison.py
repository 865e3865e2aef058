"""An entry that nobody can read never stops the engine, and takes no neighbour along."""

from pathlib import Path

import pytest

from duyen.model.log import Lane, encode_entry
from duyen.model.program import Tick
from duyen.runtime.engine import Engine
from duyen.runtime.house import House
from duyen.runtime.settings import load

GOOD = (
    b'{"kind":"event","id":"m1","type":"track","time":1,"received":1,"source":"s",'
    b'"trusted":true,"name":"A","user_id":"u"}'
)


@pytest.mark.parametrize(
    "bad", [b'{"kind":"nonsense"}', b'{"kind":"event","id":5}', b"12", b'{"id":']
)
def test_the_engine_goes_on(tmp_path: Path, bad: bytes) -> None:
    house = House(load(str(tmp_path)), engine=True)
    engine = Engine(house)
    house.log.append(Lane.LIVE, [bad, GOOD], 5)
    house.log.append(Lane.CONTROL, [bad, encode_entry(Tick(7))], 5)
    house.log.append(Lane.LIVE, [GOOD.replace(b"m1", b"m2")], 6)
    engine.drain()
    person = house.state.person_of("user_id", "u")
    assert person is not None
    head = house.state.head(person)
    assert head is not None
    whole = bad != b'{"id":'  # a torn commit is kept whole, as one
    assert head.person.events == (2 if whole else 1)
    assert len(house.state.rejected(2**52, 9)) >= 1
    engine.close()
    house.close()
