"""The published command, and what is refused."""

import shlex
from pathlib import Path

import pytest

from selector_trainer import Refused
from selector_trainer.flags import FLAGS, table
from selector_trainer.options import parse

WANTED = (
    "--train_group_size --knowledge_distillation --query_max_len --passage_max_len --pad_to_multiple_of --learning_rate --fp16 "
    "--num_train_epochs --per_device_train_batch_size --gradient_accumulation_steps --dataloader_drop_last --warmup_ratio "
    "--gradient_checkpointing --weight_decay --logging_steps --save_steps --deepspeed --nproc_per_node --overwrite_output_dir"
).split()
LEAST = ["--material", "m", "--out", "o", "--base", "b"]


def published(deepspeed):
    return shlex.split(
        "--nproc_per_node 2 --model_name_or_path some/reranker --cache_dir ./cache/model --train_data ./groups.jsonl "
        "--cache_path ./cache/data --train_group_size 16 --query_max_len 256 --passage_max_len 256 --pad_to_multiple_of 8 "
        "--knowledge_distillation True --output_dir ./out --overwrite_output_dir --learning_rate 6e-5 --fp16 --num_train_epochs 2 "
        "--per_device_train_batch_size 4 --gradient_accumulation_steps 2 --dataloader_drop_last True --warmup_ratio 0.1 "
        f"--gradient_checkpointing --weight_decay 0.01 --deepspeed {deepspeed} --logging_steps 1 --save_steps 1000"
    )


@pytest.fixture
def deepspeed(tmp_path):
    file = tmp_path / "stage0.json"
    file.write_text('{"fp16": {"enabled": "auto"}, "zero_optimization": {"stage": 0}}')
    return file


def test_the_published_command_is_understood_word_for_word(deepspeed):
    options = parse(published(deepspeed))
    meant = dict(
        processes=2, base="some/reranker", group_size=16, query_tokens=256, passage_tokens=256, max_tokens=512, pad_multiple=8,
        overwrite=True, learning_rate=6e-5, precision="fp16", epochs=2, groups=4, accumulation=2, drop_last=True, warmup=0.1,
        checkpointing=True, weight_decay=0.01, log_steps=1, save_steps=1000,
    )  # fmt: skip
    assert {name: getattr(options, name) for name in meant} == meant
    assert (str(options.material), str(options.out)) == ("groups.jsonl", "out")
    assert options.step_groups == 16


def test_each_flag_of_it_stands_in_the_table(deepspeed):
    assert set(WANTED) <= {flag.name for flag in FLAGS}
    assert all(f"| `{name}` |" in table() for name in WANTED)
    assert set(WANTED) <= set(published(deepspeed))


def test_the_readme_shows_the_table_as_it_is():
    assert table() in (Path(__file__).parent.parent / "README.md").read_text("utf-8")


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.direct], ids=lambda flag: flag.name)
def test_a_flag_means_what_its_option_means(flag):
    values = {"--learning_rate": "0.5", "--warmup_ratio": "0.5", "--weight_decay": "0.5"}
    value = "true" if flag.option in ("drop_last", "checkpointing", "overwrite") else values.get(flag.name, "7")
    rest = [x for name, x in zip(LEAST[::2], LEAST[1::2], strict=True) if name[2:] != flag.option for x in (name, x)]
    assert parse([*rest, flag.name, value]) == parse([*rest, f"--{flag.option}", value])
    if flag.option not in ("material", "out", "base"):
        assert parse([*rest, flag.name, value]) != parse(LEAST)


def test_a_file_of_deepspeed_says_the_precision(tmp_path):
    (tmp_path / "d.json").write_text('{"bf16": {"enabled": true}, "zero_optimization": {"stage": 2}}')
    assert parse([*LEAST, "--deepspeed", str(tmp_path / "d.json")]).precision == "bf16"


def test_the_defaults_are_the_papers():
    assert parse(LEAST) == parse([*LEAST, "--preset", "paper"])
    options = parse([*LEAST, "--preset", "paper", "--epochs", "3"])
    assert (options.learning_rate, options.groups, options.group_size, options.max_tokens) == (6e-5, 8, 16, 512)
    assert (options.warmup, options.weight_decay, options.epochs) == (0.1, 0.01, 3)


def test_hyphens_will_do_for_underscores():
    assert parse([*LEAST, "--group-size=4", "--drop-last"]) == parse([*LEAST, "--group_size", "4", "--drop_last", "true"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--knowledge_distillation", "False"], "--knowledge_distillation False: the teacher's scores are all"),
        (["--deepspeed", "nowhere.json"], "nowhere.json cannot be read"),
        (["--group_size", "1"], "--group_size is 1: it must be 2 or more"),
        (["--temperature", "0"], "--temperature above 0"),
        (["--learning_rate", "fast"], "invalid float value: 'fast'"),
        (["--learning-rat", "1"], "unrecognized arguments: --learning_rat"),
        (["--precision", "fp8"], "invalid choice: 'fp8'"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_a_sentence(arguments, words):
    with pytest.raises(Refused, match=words):
        parse([*LEAST, *arguments])
