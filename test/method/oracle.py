"""The graders once more, from their rules and by another hand: the test compares both, case by case.

Reads a JSON list of cases {prediction, golds, lang} from standard input and writes a JSON list of results. Standard
library only. A case with a character that this Python's Unicode tables do not know comes back as null.
"""

import json
import re
import string
import sys
import unicodedata
from collections import Counter

UNSPACED = {"zh", "cmn", "yue", "wuu", "nan", "hak", "lzh", "ja", "th", "lo", "km", "my", "bo", "dz"}


def base_language(lang):
    return re.split("[-_]", lang.lower())[0]


def normalise(text, lang):
    text = "".join(ch for ch in text.lower() if ch not in string.punctuation)
    if base_language(lang) == "en":
        text = re.sub(r"\b(a|an|the)\b", " ", text)
    return " ".join(text.split())


def is_mark(ch):
    return unicodedata.category(ch)[0] == "M"


def characters(text):
    """Symbols, each with the marks after it; marks without a symbol before them stay together."""
    out = []
    attach = False
    for ch in text:
        if is_mark(ch):
            if attach:
                out[-1] += ch
            else:
                out.append(ch)
                attach = True
        elif ch == " " or unicodedata.category(ch)[0] in "Z":
            attach = False
        else:
            out.append(ch)
            attach = True
    return out


def words(normalised, lang):
    return characters(normalised) if base_language(lang) in UNSPACED else normalised.split()


def tokens(text, lang):
    """DPR: runs of letters, digits and marks, or one other symbol that is neither a separator nor a control."""
    text = unicodedata.normalize("NFD", text)
    if base_language(lang) in UNSPACED:
        keep = "".join(" " if unicodedata.category(ch)[0] in "ZC" else ch for ch in text)
        return [c.lower() for c in characters(keep)]
    out = []
    inside = False
    for ch in text:
        kind = unicodedata.category(ch)[0]
        if kind in "LNM":
            if inside:
                out[-1] += ch
            else:
                out.append(ch)
            inside = True
        else:
            inside = False
            if kind not in "ZC":
                out.append(ch)
    return [t.lower() for t in out]


def is_run(needle, hay):
    return bool(needle) and any(hay[i : i + len(needle)] == needle for i in range(len(hay) - len(needle) + 1))


def f1(prediction, gold):
    common = sum((Counter(prediction) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(prediction), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def grades(prediction, golds, lang):
    if not golds:
        return None
    said = normalise(prediction, lang)
    best = {"strict_em": 0, "boundary_em": 0, "containment_em": 0, "f1": 0.0}
    for gold in (normalise(g, lang) for g in golds):
        if gold:
            one = {
                "strict_em": int(said == gold),
                "boundary_em": int(is_run(words(gold, lang), words(said, lang))),
                "containment_em": int(gold in said),
                "f1": f1(words(said, lang), words(gold, lang)),
            }
            best = {name: max(best[name], one[name]) for name in best}
    return best


def known(case):
    return all(unicodedata.category(ch) != "Cn" for ch in case["prediction"] + "".join(case["golds"]))


def result(case):
    prediction, golds, lang = case["prediction"], case["golds"], case["lang"]
    return {
        "normalised": [normalise(text, lang) for text in [prediction, *golds]],
        "grades": grades(prediction, golds, lang),
        "has_answer": any(is_run(tokens(g, lang), tokens(prediction, lang)) for g in golds),
    }


if __name__ == "__main__":
    cases = json.loads(sys.stdin.buffer.read())
    results = [result(case) if known(case) else None for case in cases]
    sys.stdout.buffer.write(json.dumps(results).encode())
