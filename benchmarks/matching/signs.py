"""What an answer may say at all: for a match, against it, or nothing.

Weights are learnt within these bounds, so that evidence reads as a person expects: a number that is
quoted never speaks against its invoice, and more that agrees is never worth less.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from math import log

import numpy as np
from numpy.typing import NDArray

from payymo.domain.matching import features as f
from payymo.domain.matching.reading import Quote

FOR, AGAINST, NOTHING, EITHER = "for", "against", "nothing", "either"

_LEVELS = {f"{level.name.lower()}+{how}": FOR for level in Quote for how in ("alone", "shared")}
_LISTS = dict.fromkeys(("list_all", "list_ends", "list_part", "list_vague", "list_cut"), FOR)

#: Of all open invoices a payment is for few: that much, in nats, evidence has to outweigh.
_PRIOR_MAX = -8 * log(2)

#: By group: what each answer may say; the others of the group what stands under "".
SIGNS: Mapping[str, Mapping[str, str]] = {
    "form": {"": EITHER},
    "quote": {"": AGAINST, **_LEVELS, **_LISTS, "silent": NOTHING, "cut_fits": FOR},
    "chance": {"": AGAINST, "none": NOTHING},
    "further": {"agrees": FOR, "differs": AGAINST},
    "deducted": {"quoted": FOR, "unsaid": NOTHING},
    "part_said": {"fits": FOR, "full": AGAINST},
    "besides": {"": AGAINST, "nothing": NOTHING},
    "otherwise": {"": AGAINST},
    "price": {"": AGAINST},
    "amount": {
        "": EITHER,
        **{
            f"{answer}+{count}": FOR
            for answer in ("exact", "rounded", "instructed", "near_mid_rate")
            for count in ("one", "several")
        },
        **{
            f"{answer}+{count}": AGAINST
            for answer in ("part", "far_over", "far_from_mid_rate")
            for count in ("one", "several")
        },
    },
    "rarity": {"": FOR, "common": NOTHING},
    "sum_chance": {"": AGAINST, "tiny": NOTHING},
    "solutions": {"": AGAINST, "one": NOTHING},
    "account": {"": FOR, "absent": NOTHING, "unknown": AGAINST, "others": AGAINST, "many": NOTHING},
    "alias": {"": FOR, "new": NOTHING, "others": AGAINST},
    "name": {
        "": FOR,
        "absent": NOTHING,
        "processor": NOTHING,
        "stranger": AGAINST,
        "others": AGAINST,
    },
    "in_text": {"": FOR, "nothing": NOTHING, "others": AGAINST},
    "customer_number": {"none": NOTHING, "this": FOR, "other": AGAINST},
    "rank": {"": AGAINST, "nobody": NOTHING, "first": NOTHING},
    "lag": {"": FOR, "long_before": AGAINST, "before": AGAINST, "ancient": NOTHING},
    "habit": {"unknown": NOTHING, "near": FOR, "fair": FOR, "off": AGAINST, "far": AGAINST},
    "age": {"": AGAINST, "oldest": NOTHING},
    "open": {"": AGAINST, "one": NOTHING},
    "crowd": {"": AGAINST, "one": NOTHING},
    "words": {"": AGAINST},
    "processor": {"": AGAINST},
    "repeat": {"": AGAINST},
    "remainder": {"": AGAINST},
    "foreign": {"": AGAINST},
    "refused": {"": AGAINST},
    "agreement": {"": FOR},
    "competition": {"": AGAINST, "free+quoted": NOTHING, "free+not": NOTHING},
}

_STEPS = ("free", "wanted", "contested", "claimed", "taken")

#: Answers of one group, the first worth at least as much as the next.
_FALLING = (
    ("rarity", ("unique", "rare", "seldom", "frequent", "common")),
    ("chance", ("none", "small", "some", "much")),
    ("sum_chance", ("tiny", "small", "some", "much")),
    ("solutions", ("one", "two", "several")),
    ("besides", ("nothing", "vague", "strange")),
    ("price", ("some", "usual")),
    ("account", ("seen_often", "seen_once", "shared_mostly", "shared")),
    ("account", ("on_file", "shared")),
    ("alias", ("seen_often", "seen_once", "shared")),
    ("name", ("same_rare", "like_rare", "akin_rare", "remote_rare")),
    ("name", ("same", "like", "akin", "remote")),
    ("name", ("same_common", "like_common", "akin_common", "remote_common")),
    ("name", ("same_rare", "same", "same_common")),
    ("name", ("like_rare", "like", "like_common")),
    ("name", ("akin_rare", "akin", "akin_common")),
    ("in_text", ("whole_rare", "whole", "part")),
    ("in_text", ("whole_rare", "part_rare", "part")),
    ("rank", ("first", "level", "behind", "far_behind")),
    ("quote", ("number+alone", "digits+alone", "tail_long+alone", "tail_short+alone", "end+alone")),
    ("quote", ("structured+alone", "structured_text+alone", "number+alone", "plain+alone")),
    ("quote", ("number+alone", "typo+alone")),
    ("quote", ("number+alone", "joined+alone")),
    ("quote", ("number+alone", "cut+alone", "cut_fits")),
    ("quote", ("list_all", "list_ends", "list_vague")),
    ("quote", ("list_ends", "list_part")),
    ("quote", ("list_cut", "list_part")),
    ("amount", ("exact+one", "rounded+one")),
    ("amount", ("exact+several", "rounded+several")),
    *(
        ("competition", tuple(f"{step}+{how}" for step in _STEPS))
        for how in ("quoted", "not")
    ),
)  # fmt: skip

#: What agrees better, for each of reference, amount and payer.
_BETTER = (
    tuple(pairwise(f.QUOTED)),
    (
        *(("exact", "usual"), ("usual", "loose"), ("exact", "tight"), ("tight", "loose")),
        *(("loose", "odd"), ("exact", "over"), ("over", "odd")),
    ),
    (*pairwise(f.KNOWN[:5]), ("unsaid", "other")),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What weights may be.

    :ivar low: The least of each weight.
    :ivar high: The most of each.
    :ivar better: Features that are worth at least as much as those at the same place of ``worse``.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    better: NDArray[np.int64]
    worse: NDArray[np.int64]

    def keep(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return weights that keep the bounds, as near to some as is simple."""
        kept = np.clip(weights, self.low, self.high)
        for _ in range(len(f.GROUPS)):
            np.maximum.at(kept, self.better, kept[self.worse])
        return kept


def bounds() -> Bounds:
    """Return the bounds of all features."""
    low = np.full(f.FEATURE_COUNT, -np.inf)
    high = np.full(f.FEATURE_COUNT, np.inf)
    high[f.FORM.base : f.FORM.base + len(f.FORM.answers)] = _PRIOR_MAX
    for group in f.GROUPS:
        signs = SIGNS[group.name]
        for answer in group.answers:
            sign = signs.get(answer) or signs[""]
            if sign in {FOR, NOTHING}:
                low[group[answer]] = 0.0
            if sign in {AGAINST, NOTHING}:
                high[group[answer]] = 0.0
    pairs = list(_pairs())
    return Bounds(
        low,
        high,
        np.array([better for better, _worse in pairs], dtype=np.int64),
        np.array([worse for _better, worse in pairs], dtype=np.int64),
    )


def _pairs() -> Iterator[tuple[int, int]]:
    """Yield features of which the first is worth at least as much as the second."""
    groups = {group.name: group for group in f.GROUPS}
    for name, answers in _FALLING:
        for better, worse in pairwise(answers):
            yield groups[name][better], groups[name][worse]
    for quoted, fit, known in product(f.QUOTED, f.FITS, f.KNOWN):
        here = (quoted, fit, known)
        for place, pairs in enumerate(_BETTER):
            for better, worse in pairs:
                if here[place] == better:
                    there = (*here[:place], worse, *here[place + 1 :])
                    yield f.AGREEMENT["+".join(here)], f.AGREEMENT["+".join(there)]
