"""One line a figure: what, how much, and the aim."""

import sys


def figure(
    what: str, value: float, aim: float | None, *, detail: str = "", more_is_better: bool = False
) -> None:
    """Print a figure beside its aim."""
    shown = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    verdict = ""
    if aim is not None:
        good = value >= aim if more_is_better else value <= aim
        verdict = f"   aim {'>=' if more_is_better else '<='} {aim:g}   {'met' if good else 'MISSED'}"
    sys.stdout.write(f"{what:<78} {shown:>9}{verdict}{f'   ({detail})' if detail else ''}\n")
    sys.stdout.flush()
