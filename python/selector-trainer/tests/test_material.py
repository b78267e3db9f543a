"""What is read, and what is refused with file, line and field."""

import json

import pytest

from conftest import groups_of, material_at
from selector_trainer import Refused
from selector_trainer.interchange import read_any, write
from selector_trainer.material import read


def flag_embedding(group):
    """As our export writes it: the positive first."""
    best, *others = sorted(group["passages"], key=lambda p: -p["score"])
    text = lambda p: f"{p['title']}\n{p['text']}"  # noqa: E731
    return {"query": group["query"], "pos": [text(best)], "neg": [text(p) for p in others], "pos_scores": [best["score"]],
            "neg_scores": [p["score"] for p in others]}  # fmt: skip


def sentence_transformers(group):
    ordered = sorted(group["passages"], key=lambda p: -p["score"])
    return {"query": group["query"], "docs": [f"{p['title']}\n{p['text']}" for p in ordered], "scores": [p["score"] for p in ordered]}


@pytest.mark.parametrize("form", [flag_embedding, sentence_transformers])
def test_files_of_other_trainers_are_read(tmp_path, form):
    groups = groups_of(40)
    file = tmp_path / "groups.jsonl"
    file.write_text("".join(json.dumps(form(group)) + "\n" for group in groups))
    material = read_any(file)
    found = {(g.query, p.title, p.text, p.score) for g in (*material.train, *material.dev) for p in g.passages}
    assert found == {(g["query"], p["title"], p["text"], p["score"]) for g in groups for p in g["passages"]}
    assert len(material.train) + len(material.dev) == 40 and material.dev
    assert not {g.query for g in material.train} & {g.query for g in material.dev}
    assert all(group.positive == 0 for group in material.train)


def test_they_become_a_folder_of_material(tmp_path):
    file = tmp_path / "groups.jsonl"
    file.write_text("".join(json.dumps(flag_embedding(group)) + "\n" for group in groups_of(40)))
    write(read_any(file), tmp_path / "m")
    assert read(tmp_path / "m") == read_any(file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ({"docs": ["a", "b"]}, ":1 has no query"),
        ({"query": "q", "docs": ["a", "b"], "scores": [1]}, ":1 must have a teacher score for each passage"),
        ({"query": "q", "pos": ["a"], "neg": ["b"]}, ":1 must have a teacher score for each passage"),
        ({"query": "q", "texts": []}, ":1 has neither docs and scores nor pos, neg, pos_scores and neg_scores"),
        ({"query": "q", "docs": ["a"], "scores": [1]}, r":1 has 1 passage\(s\): a group needs two"),
        ({"query": "q", "docs": ["a", "b"], "scores": [1, None]}, ", passage 2 must be texts with as many scores"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, line, words):
    (tmp_path / "groups.jsonl").write_text(json.dumps(line) + "\n")
    with pytest.raises(Refused, match=words):
        read_any(tmp_path / "groups.jsonl")


def broken(change):
    groups = groups_of(12)
    change(groups)
    return groups


def without_score(groups):
    del groups[3]["passages"][1]["score"]


def infinite(groups):
    groups[0]["passages"][0]["score"] = float("-inf")


def too_few_features(groups):
    groups[2]["passages"][4]["features"] = [1]


def twice(groups):
    groups[5]["id"] = "q1"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_score, r"groups.jsonl:4, passages\[1\].score must be a finite number"),
        (infinite, r"groups.jsonl:1, passages\[0\].score must be a finite number"),
        (too_few_features, r"groups.jsonl:3, passages\[4\].features must hold 2 numbers"),
        (twice, "groups.jsonl:6 has the id 'q1', as an earlier line does"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(tmp_path, change, words):
    with pytest.raises(Refused, match=words):
        read(material_at(tmp_path / "m", broken(change)))


def test_a_query_in_both_parts_of_the_split_is_refused(tmp_path):
    folder = material_at(tmp_path / "m", groups_of(12), split={"train": ["q1", "q2"], "dev": ["q2"]})
    with pytest.raises(Refused, match="has 1 queries in both parts of the split, e.g. 'q2'"):
        read(folder)
    folder = material_at(tmp_path / "n", groups_of(12), split={"train": ["q1", "q20"]})
    with pytest.raises(Refused, match="lacks 1 queries of split.train, e.g. 'q20'"):
        read(folder)
