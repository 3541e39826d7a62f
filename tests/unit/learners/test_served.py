from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expunge.errors import CorruptedError, InputError, NotFoundError
from expunge.learners.exact import AdditiveClassifier, Ridge, RidgeClassifier
from expunge.learners.served import ServedModel, digest_of_files, from_files, in_label_order, labels

X = pd.DataFrame({"n": [0.5, 1.5, np.nan, 3.5, 4.0, 4.5], "c": ["a", "b", "a", None, "b", "c"]})
Y = np.array(["no", "yes", "no", "yes", "yes", "no"])
MODELS: dict[str, Any] = {
    "ridge classifier": RidgeClassifier().fit(X, Y).serve(),
    "three classes": RidgeClassifier().fit(X, [1, 2, 3, 1, 2, 3]).serve(),
    "ridge": Ridge().fit(X, np.arange(6.0)).serve(),
    "additive": AdditiveClassifier().fit(X, Y).serve(),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_survives_its_files(name: str, tmp_path: Path) -> None:
    model = MODELS[name]
    model.save(tmp_path / "new" / "folder")
    again = ServedModel.load(tmp_path / "new" / "folder")
    assert model.digest() == again.digest() == digest_of_files(tmp_path / "new" / "folder")
    assert again.predict(X).tolist() == model.predict(X).tolist()
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["arrays.npz", "model.json"]
    assert not any(b"pickle" in data for data in model.files.values())


def test_equal_models_have_equal_bytes_whenever_they_are_saved() -> None:
    files = RidgeClassifier().fit(X, Y).serve().files
    assert files == MODELS["ridge classifier"].files
    assert np.load(io.BytesIO(files["arrays.npz"]), allow_pickle=False)["coef"].shape == (1, 6)


def test_a_model_is_loaded_and_predicts_with_numpy_alone(tmp_path: Path) -> None:
    MODELS["additive"].save(tmp_path)
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'sklearn', 'scipy', 'pandas', 'threadpoolctl'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "from expunge.learners.served import ServedModel\n"
        f"print(ServedModel.load({str(tmp_path)!r}).predict([[0.5, 'a'], [4.0, 'b']]).tolist())"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == str(MODELS["additive"].predict([[0.5, "a"], [4.0, "b"]]).tolist())


@settings(deadline=None)
@given(name=st.sampled_from(sorted(MODELS)), data=st.data())
def test_a_changed_byte_is_refused_or_changes_the_digest(name: str, data: st.DataObject) -> None:
    files = dict(MODELS[name].files)
    file = data.draw(st.sampled_from(sorted(files)))
    place = data.draw(st.integers(0, len(files[file]) - 1))
    changed = bytes([files[file][place] ^ data.draw(st.integers(1, 255))])
    files[file] = files[file][:place] + changed + files[file][place + 1 :]
    if file == "arrays.npz":
        with pytest.raises(CorruptedError):
            from_files(files)
        return
    try:
        model = from_files(files)
    except CorruptedError:
        return
    assert model.digest() != MODELS[name].digest()


CHANGES: dict[str, Any] = {
    "format": 2,
    "encoding": "hashed",
    "max_bins": "many",
    "columns": [{"name": "n"}],
    "classes": ["no", "yes"],
    "arrays_sha256": "0" * 64,
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_wrong_fact_is_corrupt(field: str) -> None:
    files = dict(MODELS["ridge classifier"].files)
    facts = json.loads(files["model.json"])
    files["model.json"] = json.dumps(facts | {field: CHANGES[field]}).encode()
    with pytest.raises(CorruptedError):
        from_files(files)


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"format": 1}'])
def test_a_model_json_that_is_none_is_corrupt(text: bytes) -> None:
    with pytest.raises(CorruptedError):
        from_files({**MODELS["ridge"].files, "model.json": text})


def _forged_arrays(tmp_path: Path, body: bytes) -> dict[str, bytes]:
    path = tmp_path / "arrays.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("coef.npy", body)
        archive.writestr("intercept.npy", body)
    arrays = path.read_bytes()
    facts = json.loads(MODELS["ridge"].files["model.json"])
    facts["arrays_sha256"] = hashlib.sha256(arrays).hexdigest()
    return {"model.json": json.dumps(facts).encode(), "arrays.npz": arrays}


def test_arrays_that_lie_about_themselves_are_corrupt(tmp_path: Path) -> None:
    header = "{'descr': %s, 'fortran_order': False, 'shape': (%s,), }"
    for descr, shape in (("'<f8'", "1000000000000"), ("'|O'", "1"), ("'<f4'", "2"), ("'<f8'", "2")):
        text = (header % (descr, shape)).ljust(117).encode() + b"\n"
        body = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + b"\x00" * 8
        with pytest.raises(CorruptedError):
            from_files(_forged_arrays(tmp_path, body))
    with pytest.raises(CorruptedError):
        from_files(_forged_arrays(tmp_path, b"nothing"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"arrays.npz and no model.json"):
        ServedModel.load(tmp_path)
    MODELS["ridge"].save(tmp_path)
    (tmp_path / "arrays.npz").unlink()
    with pytest.raises(NotFoundError, match=r"arrays.npz"):
        digest_of_files(tmp_path)


def test_columns_are_picked_by_name_where_they_have_names() -> None:
    mixed = X.assign(extra=1)[["extra", "c", "n"]]
    assert MODELS["additive"].predict(mixed).tolist() == MODELS["additive"].predict(X).tolist()
    with pytest.raises(InputError, match=r"\['n'\] are not in the table"):
        MODELS["additive"].predict(X[["c"]])


def test_unnamed_columns_are_taken_in_order() -> None:
    model = RidgeClassifier().fit([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0, 1, 1]).serve()
    assert model.predict(pd.DataFrame({"p": [0.0], "q": [1.0]})).tolist() == [0]
    with pytest.raises(InputError, match="expecting 2 features"):
        model.predict([[1.0]])


def test_a_regression_has_no_decision_function() -> None:
    with pytest.raises(InputError, match="no decision function"):
        MODELS["ridge"].decision_function(X)
    assert MODELS["ridge"].classes is None


def test_labels_keep_their_type_and_sort_as_values() -> None:
    assert labels(in_label_order(("i:10", "i:9"))).tolist() == [9, 10]
    assert labels(("b:0", "b:1")).dtype == np.bool_
    assert labels(("s:a", "s:b")).tolist() == ["a", "b"]
    with pytest.raises(InputError, match="several types"):
        in_label_order(("i:1", "s:1"))


def test_the_archive_tells_nothing_of_when_and_where_it_was_made() -> None:
    with zipfile.ZipFile(io.BytesIO(MODELS["ridge"].files["arrays.npz"])) as archive:
        for entry in archive.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert entry.compress_type == zipfile.ZIP_STORED
            assert (entry.create_system, entry.extra, entry.comment) == (3, b"", b"")


def test_a_category_never_seen_contributes_nothing() -> None:
    frame = pd.DataFrame({"c": ["unseen", "a"], "n": [0.5, 0.5]})
    for name, part in (("additive", 1.0), ("ridge classifier", -1.0)):  # 0.5 is the lowest: first bin, or -1
        model = MODELS[name]
        unseen, seen = model.decision_function(frame)
        assert unseen == pytest.approx(model.intercept[0] + part * model.coef[0, 0])
        assert seen != pytest.approx(unseen)


@pytest.mark.parametrize("name", MODELS)
def test_a_category_never_seen_and_a_number_out_of_range_are_taken(name: str) -> None:
    model = MODELS[name]
    odd = pd.DataFrame({"n": [1e9, -1e9, 4.5], "c": ["unseen", "a", "a"]})
    clipped = odd.assign(n=[4.5, 0.5, 4.5])
    assert model.predict(odd).tolist() == model.predict(clipped).tolist()
    assert np.isfinite(model.coef).all()
