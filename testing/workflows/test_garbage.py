"""The collector of garbage rests while anybody asks it to, and works again afterwards."""

import gc
from contextlib import ExitStack

from payymo.workflows.garbage import nobody_looks_for_garbage


def test_it_rests_until_the_last_one_leaves() -> None:
    first, second = ExitStack(), ExitStack()
    first.enter_context(nobody_looks_for_garbage())
    second.enter_context(nobody_looks_for_garbage())

    first.close()
    assert not gc.isenabled()
    second.close()
    assert gc.isenabled()


def test_who_had_switched_it_off_finds_it_off() -> None:
    gc.disable()
    try:
        with nobody_looks_for_garbage():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
