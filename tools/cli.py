"""The entry point `latentlab`. What a command needs is imported when it runs, so that help is quick."""

import typer

from pipeline.console import command
from tools import budget, check, compare, decide, explore, eyes, plan, repro, results, run, sample


def main() -> None:
    """Runs the command line."""
    app = typer.Typer(
        help="Work with the experiments of params.yaml. `latentlab repro` runs the stages that have changed.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    made = (repro.repro, run.run, budget.budget, check.check, sample.sample, explore.explore)
    for each in (*made, results.results, compare.compare, decide.decide, plan.plan):
        app.command()(each)
    app.add_typer(eyes.group(), name="eyes")
    command.run(app)


if __name__ == "__main__":
    main()
