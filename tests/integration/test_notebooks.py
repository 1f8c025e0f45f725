"""The notebook that needs no cluster runs from its first cell to its last. The other one is part of the example's end-to-end test."""

import json

import pytest

from support.notebooks import FOLDER, executed


def test_what_a_pod_would_train_is_trained_here_and_a_run_by_hand_is_recorded_beside_it(tmp_path):
    said = executed("train-on-this-machine.ipynb", tmp_path)
    assert "roc_auc" in said
    assert "skill Passed" in said or "skill Failed" in said
    assert all(name in said for name in ("by-hand", "simple", "forest"))


@pytest.mark.parametrize("notebook", sorted(FOLDER.glob("*.ipynb")), ids=lambda path: path.stem)
def test_a_notebook_is_committed_clean_and_says_what_it_needs(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    assert "pip install" in "".join(cells[0]["source"])
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")
