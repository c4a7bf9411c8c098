"""Checks of the exercises of chapter 01."""

from __future__ import annotations

# Of the run of 2012: two operations a MAC, forward and backward, every image, every epoch.
OPERATIONS_2012 = 2 * 724_406_816 * 3 * 1_200_000 * 90


def errors_avoided(answer: float) -> str | None:
    second, supplied, extra, one = 26.172, 16.422, 15.315, 18.2
    for value, hint in (((second - supplied) / second * 100, None),
                        ((second - supplied) / second, "That is the share; the question asks for percent."),
                        (second - supplied, "Those are percentage points. How much of the other's errors is that?"),
                        ((second - extra) / second * 100, "The entry with 15.3 % was trained on extra images too."),
                        ((second - one) / second * 100, "18.2 % is one network, on validation images; no entry."),
                        ((second - supplied) / supplied * 100, "Percent of whose errors? Divide by the other's.")):
        if abs(answer - value) < 0.006 * abs(value):
            return hint
    return "Both errors stand in the chart of the contest; the difference is to be seen against the larger one."


def utilisation_2012(answer: float) -> str | None:
    share = OPERATIONS_2012 / (2 * 1.581e12 * 5.5 * 86_400) * 100
    for factor, hint in ((1, None), (1 / 100, "That is the share; the question asks for percent."),
                         (2, "There were two cards."), (1 / 2, "A MAC is two operations, and each card has its peak."),
                         (1 / 3, "Training is about three times a pass forward."),
                         (1 / 6, "A MAC is two operations, and training about three times a pass forward."),
                         (1 / 90, "Roughly ninety times over all images.")):
        if abs(answer / (share * factor) - 1) < 0.02:
            return hint
    return "Operations, divided by what two cards at 1.581 TFLOP/s each could do in five and a half days."


def drawing_level(answer: float) -> str | None:
    if abs(answer / 64_000 - 1) < 0.02:
        return None
    if abs(answer / 28_000 - 1) < 0.02:
        return "That goes on by equal steps. The images were multiplied by four each time, for two points each time."
    if abs(answer / 256_000 - 1) < 0.02:
        return "One step too far: at how many points does the lead stand after 16,000?"
    if abs(answer / 16_000 - 1) < 0.02:
        return "There it still leads by 2 points."
    return "What does each step of the race do to the number of images, and what to the lead?"


def days_on_this_machine(answer: dict[str, float]) -> str | None:
    days = OPERATIONS_2012 / (0.3 * answer["tflops"] * 1e12) / 86_400
    for factor, hint in ((1, None), (0.3, "At full speed; the question allows it 30 % of that."),
                         (0.09, "At 30 % of its speed it takes longer, not shorter."),
                         (24, "Those are hours."), (86_400, "Those are seconds."),
                         (1 / 3, "Training is about three times a pass forward."),
                         (1 / 2, "A MAC is two operations."), (1 / 90, "Roughly ninety times over all images.")):
        if abs(answer["days"] / (days * factor) - 1) < 0.02:
            return hint
    return "Operations, divided by 0.3 times the operations a second, divided by the seconds of a day."


CHECKS = {"1.1": errors_avoided, "1.2": utilisation_2012, "1.3": drawing_level, "1.4": days_on_this_machine}
