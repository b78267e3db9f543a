"""`made.py TESTS FOLDER KIND LABELS`: a small base with random weights and some material, as the trainer's own tests make them."""

import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
sys.path.insert(0, str(Path(sys.argv[1]).parent / "src"))
from conftest import base_at, groups_of, material_at  # noqa: E402

folder = Path(sys.argv[2])
base_at(folder / "base", sys.argv[3], labels=int(sys.argv[4]))
groups = groups_of(44)
groups[0]["query"] += " word1" * 200
groups[43]["query"] += " word1" * 200
for group in groups:
    for passage in group["passages"][::3]:
        passage["text"] += " word2" * 150
trained = {"run": "some.stream/one", "settings": "abc", "prompts": ["def"], "measure": "plain", "alpha": 0.25}
prior = {"weights": [0.5, 0.25]}
material_at(folder / "material", groups, features=["dense", "in_text"], prior=prior, trained=trained)
