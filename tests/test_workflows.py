"""GitHub's workflows: valid, safe, and run step by step as GitHub runs them, on a pull request to a copy of it all."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from workspace import Workspace, make, ran

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github/workflows").iterdir())
SCRIPTS = sorted((ROOT / ".github/scripts").glob("*.sh"))
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
MARKER = "<!-- latentlab compare -->"
OURS = "us/latentlab"


def _load(name: str) -> dict[Any, Any]:
    found: dict[Any, Any] = yaml.safe_load((ROOT / f".github/workflows/{name}.yml").read_text(encoding="utf-8"))
    return found


def _steps(name: str) -> Iterator[dict[str, Any]]:
    for job in _load(name)["jobs"].values():
        yield from job["steps"]


@pytest.fixture(params=[path.stem for path in WORKFLOWS])
def workflow(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_workflows_are_valid() -> None:
    assert len(WORKFLOWS) == 3
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_only_githubs_own_actions_are_used_each_by_one_commit() -> None:
    """A tag can be moved to other code; the version beside the commit is for the reader."""
    pinned: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        text = path.read_text(encoding="utf-8")
        used = [step["uses"] for step in _steps(path.stem) if "uses" in step]
        written = re.findall(r"^ +(?:- )?uses: (\S+) # (v\d+\.\d+\.\d+)$", text, re.MULTILINE)
        assert [name for name, _ in written] == used
        for name, version in written:
            found = re.fullmatch(r"actions/([a-z-]+)(?:/[a-z]+)?@([0-9a-f]{40})", name)
            assert found, name
            pinned.setdefault(found[1], set()).add(f"{found[2]} {version}")
    assert pinned
    assert all(len(commits) == 1 for commits in pinned.values()), pinned


def test_commands_are_bash_and_hold_no_expression(workflow: str) -> None:
    """An expression inside a command would be run as code, whatever a branch or a title is called."""
    assert _load(workflow)["defaults"]["run"]["shell"] == "bash"
    for command in [step["run"] for step in _steps(workflow) if "run" in step]:
        assert "${{" not in command
        subprocess.run(["bash", "-n", "-c", command], check=True)
        assert all((ROOT / script).exists() for script in re.findall(r"\.(?:ci|github)/[\w./]+", command))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_are_strict_bash(script: Path) -> None:
    assert "set -euo pipefail\n" in script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_jobs_may_do_little_and_end(workflow: str) -> None:
    content = _load(workflow)
    assert content["permissions"] == {"contents": "read"}
    assert set(content["concurrency"]) == {"group", "cancel-in-progress"}
    assert "github.ref" in content["concurrency"]["group"]
    for job in content["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 2880
        assert "uses" not in job  # another repository's workflow
        assert "container" not in job
        assert "services" not in job
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == [False]


def test_a_pull_requests_code_never_meets_a_token_that_may_write_nor_a_secret(workflow: str) -> None:
    """Whatever runs beside a pull request's code could have been changed by it: what may write runs none of it."""
    content = _load(workflow)
    text = (ROOT / f".github/workflows/{workflow}.yml").read_text(encoding="utf-8")
    triggers = content[True]  # `on`, as YAML 1.1 reads it
    assert set(triggers) <= {"push", "pull_request", "workflow_dispatch"}  # the others run with the base's rights
    assert not re.search(r"\bsecrets\b", text)
    for name, job in content["jobs"].items():
        rights = job.get("permissions", {})
        assert set(rights.values()) <= {"read", "write"}
        if "write" not in rights.values():
            assert not re.search(r"github\.token|GH_TOKEN", str(job))
            continue
        assert name == "comment"
        assert rights == {"contents": "read", "pull-requests": "write"}
        assert job["runs-on"] == "ubuntu-latest"
        checkout, download, command = job["steps"]
        assert checkout["uses"].startswith("actions/checkout@")
        assert checkout["with"]["ref"] in (
            "${{ github.event.pull_request.base.sha }}",
            "${{ github.event.repository.default_branch }}",
        )
        assert download["uses"].startswith("actions/download-artifact@")
        assert not Path(download["with"]["path"]).is_relative_to(".github")
        assert re.fullmatch(r'\.github/scripts/comment\.sh "\$NUMBER" [\w./]+\.md', command["run"])
        if "pull_request" in triggers:
            assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_a_machine_of_ones_own_runs_no_forks_code() -> None:
    """It keeps what a job leaves. Only who may push can dispatch, and only branches and tags of this repository."""
    own = {
        path.stem for path in WORKFLOWS for job in _load(path.stem)["jobs"].values() if "self-hosted" in job["runs-on"]
    }
    assert own == {"gpu"}
    assert set(_load("gpu")[True]) == {"workflow_dispatch"}
    (checkout,) = [step for step in _load("gpu")["jobs"]["gpu"]["steps"] if "actions/checkout" in step.get("uses", "")]
    assert not {"ref", "repository"} & set(checkout["with"])


def test_the_gpu_runs_what_the_smoke_job_runs() -> None:
    """What is proved of one below holds for the other."""
    smoke = {step["name"]: step["run"] for step in _load("compare")["jobs"]["smoke"]["steps"] if "run" in step}
    gpu = {step["name"]: step["run"] for step in _steps("gpu") if "run" in step}
    for name in ("Run the base", "Run the head, what differs from the base", "Compare"):
        assert smoke[name] == gpu[name]


# A stand-in for GitHub's command line: answers `gh api` for comments, from a file.
GH = """
import json, os, re, sys
from pathlib import Path

state = Path(os.environ["COMMENTS"])
comments = json.loads(state.read_text())
arguments = sys.argv[1:]
assert arguments[0] == "api" and os.environ["GH_TOKEN"] == "secret"
path = next(word for word in arguments if word.startswith("repos/"))
given = [word.removeprefix("body=@") for word in arguments if word.startswith("body=@")]
if not given:  # what the filter says, in Python: a machine need not have jq
    assert path == "repos/us/latentlab/issues/7/comments" and "--paginate" in arguments
    user, start = re.findall(r'"(.*?)"', arguments[arguments.index("--jq") + 1])
    print(*[c["id"] for c in comments if c["user"]["login"] == user and c["body"].startswith(start)], sep="\\n")
    sys.exit()
body = Path(given[0]).read_text()
assert len(body) <= 65536
if path.endswith("/7/comments"):
    assert "POST" in arguments
    user = {"login": "github-actions[bot]"}
    comments.append({"id": 100 + len(comments), "user": user, "body": body})
else:
    assert "PATCH" in arguments
    next(c for c in comments if path == f"repos/us/latentlab/issues/comments/{c['id']}")["body"] = body
state.write_text(json.dumps(comments))
"""


@dataclass
class Run:
    """What a job left behind."""

    failed: str = ""
    output: str = ""
    summary: str = ""
    steps: dict[str, str] = field(default_factory=dict)
    artifact: Path = Path()


@dataclass(frozen=True)
class GitHub:
    """Runs a job's steps in order, in a fresh clone each time, with what GitHub's own actions do played by copies of
    folders. Steps named Install are left out: the tests' own environment is used.

    upstream: the repository. folder: of clones, the cache, artifacts and comments.
    """

    upstream: Workspace
    folder: Path

    @property
    def comments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads((self.folder / "comments.json").read_text())
        return found

    def run(self, job: str, branch: str = "change", repository: str = OURS) -> Run:
        """Job `job` of compare.yml on a pull request of `branch` to main."""
        workflow = _load("compare")
        content = workflow["jobs"][job]
        clone = Workspace(Path(self.folder, f"{job}{len(list(self.folder.iterdir()))}"))
        run = Run(artifact=clone.folder.with_suffix(".artifact"))
        files = {name: clone.folder.with_suffix(f".{name}") for name in ("summary", "variables")}
        for file in files.values():
            file.touch()
        values = {
            "github.base_ref || github.event.repository.default_branch": "main",
            "github.event_name == 'pull_request'": "true",
            "github.event.pull_request.head.repo.full_name == github.repository": str(repository == OURS).lower(),
            "github.event.pull_request.head.repo.full_name != github.repository": str(repository != OURS).lower(),
            "github.event.pull_request.base.sha": "origin/main",
            "github.event.pull_request.number": "7",
            "github.token": "secret",
            "steps.cache.outputs.cache-hit != 'true'": "true",
        }

        def filled(settings: Mapping[str, str]) -> dict[str, str]:
            return {key: EXPRESSION.sub(lambda match: values[match[1]], str(text)) for key, text in settings.items()}

        def done(step: Mapping[str, Any]) -> bool:
            where = clone.folder / ".dvc/cache"
            match step.get("uses", "").partition("@")[0]:
                case "actions/checkout" if "ref" in step["with"]:
                    self._clone(clone, filled(step["with"])["ref"])
                    assert step["with"]["sparse-checkout"] == ".github/scripts"
                    _only(clone.folder, ".github/scripts")
                case "actions/checkout":
                    assert step["with"]["fetch-depth"] == 0
                    self._checkout(clone, branch)
                case "actions/cache/restore":
                    if (self.folder / "cache").exists():
                        shutil.copytree(self.folder / "cache", clone.folder / step["with"]["path"])
                case "actions/cache/save":
                    shutil.rmtree(self.folder / "cache", ignore_errors=True)
                    shutil.copytree(where, self.folder / "cache")
                case "actions/upload-artifact":
                    for path in step["with"]["path"].split():
                        shutil.copytree(clone.folder / path, run.artifact / path)
                    kept = self.folder / "artifacts" / step["with"]["name"]
                    shutil.rmtree(kept, ignore_errors=True)
                    # of several paths an artifact keeps what is below the folder that they share
                    shared = run.artifact if "\n" in step["with"]["path"] else run.artifact / step["with"]["path"]
                    shutil.copytree(shared, kept)
                case "actions/download-artifact":
                    artifact = self.folder / "artifacts" / step["with"]["name"]
                    shutil.copytree(artifact, clone.folder / step["with"]["path"])
                case "" if step["name"] != "Install":
                    return self._command(clone, step, run, variables(step))
                case name:
                    assert name in ("", "actions/setup-python"), name
            return True

        def variables(step: Mapping[str, Any]) -> dict[str, str]:
            head = clone.run("git", "rev-parse", "HEAD" if job == "comment" else "ORIG").strip()
            own = {"GITHUB_SHA": head, "GITHUB_REPOSITORY": OURS, "GITHUB_RUN_ID": "1"}
            own |= {"GITHUB_SERVER_URL": "https://github.com", "COMMENTS": str(self.folder / "comments.json")}
            own |= {"GITHUB_ENV": str(files["variables"]), "GITHUB_STEP_SUMMARY": str(files["summary"])}
            kept = dict(line.split("=", 1) for line in files["variables"].read_text().splitlines())
            given = [filled(block.get("env", {})) for block in (workflow, content, step)]
            return own | given[0] | given[1] | kept | given[2]

        for step in content["steps"]:
            if values.get(step.get("if", ""), "true") == "true" and not done(step):
                run.failed = run.failed or step["name"]
                if not step.get("continue-on-error"):
                    break
                run.failed = ""
        run.summary = files["summary"].read_text()
        return run

    def _clone(self, clone: Workspace, revision: str) -> None:
        subprocess.run(["git", "clone", "-q", str(self.upstream.folder), str(clone.folder)], check=True)
        clone.run("git", "checkout", "-q", "--detach", revision)

    def _checkout(self, clone: Workspace, branch: str) -> None:
        """As GitHub does it: the branch merged into main, by a commit of its own, on no branch."""
        self._clone(clone, "origin/main")
        clone.run("git", "merge", "-q", "--no-ff", "-m", "merge", f"origin/{branch}")
        clone.run("git", "tag", "ORIG")

    def _command(self, clone: Workspace, step: Mapping[str, Any], run: Run, variables: Mapping[str, str]) -> bool:
        """With the options that GitHub gives bash."""
        environment = clone.environment | dict(variables)
        environment["PATH"] = f"{self.folder / 'bin'}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=clone.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        run.steps[step["name"]] = done.stdout
        run.output += done.stdout
        return done.returncode == 0


def _only(folder: Path, kept: str) -> None:
    """Leaves git's own folder and `kept`, as a sparse checkout does."""
    for path in sorted(folder.rglob("*"), reverse=True):
        inside = path.relative_to(folder)
        if inside.parts[0] == ".git" or inside.is_relative_to(kept) or Path(kept).is_relative_to(inside):
            continue
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def _measured(workspace: Workspace, elbo: list[float]) -> None:
    """Writes the measurements of a run of three seeds, with these values of one metric, by hand."""
    path = workspace.folder / "results/measurements/fc_vae.json"
    content = json.loads(path.read_text())
    content["seeds"] = list(range(len(elbo)))
    content["metrics"] = {
        name: {"better": each["better"], "values": each["values"][:1] * len(elbo)}
        for name, each in content["metrics"].items()
    }
    content["metrics"]["elbo"]["values"] = elbo
    content["partial"] = {}
    path.write_text(json.dumps(content))


@pytest.fixture(scope="module")
def github(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """A repository whose main has measurements, and whose branch `change` has another latent and none of its own."""
    upstream = make(tmp_path_factory.mktemp("upstream"), ["fc_vae"])
    shutil.copytree(ROOT / ".github", upstream.folder / ".github")
    smoke = {"data": {"digits": {"train": 384}}}  # smaller still, and of the roles that are here
    (upstream.folder / "budgets/smoke.yaml").write_text(yaml.safe_dump(smoke))
    upstream.run("dvc", "repro")
    _measured(upstream, [-100.0, -101.0, -100.5])
    _commit(upstream, "main")
    upstream.run("git", "branch", "-M", "main")
    upstream.run("git", "switch", "-q", "-c", "change")
    upstream.edit(lambda content: content["experiments"]["fc_vae"].update(latent=9))
    _commit(upstream, "another latent")

    folder = tmp_path_factory.mktemp("github")
    (folder / "bin").mkdir()
    (folder / "bin/gh").write_text(f"#!{sys.executable}\n{GH}")
    (folder / "bin/gh").chmod(0o755)
    others = [{"id": 1, "user": {"login": "somebody"}, "body": f"{MARKER} quoted"}]
    others.append({"id": 2, "user": {"login": "github-actions[bot]"}, "body": "another bot's"})
    (folder / "comments.json").write_text(json.dumps(others))
    return GitHub(upstream, folder)


def _commit(workspace: Workspace, message: str) -> None:
    workspace.run("git", "add", "-A")
    workspace.run("git", "commit", "-qm", message)


@pytest.mark.slow
def test_a_pull_request_gets_one_comment_and_fails_when_a_chosen_metric_is_worse(github: GitHub) -> None:
    before = github.comments
    first = github.run("committed")
    assert not first.failed, first.output
    assert github.comments == before  # its token may only read
    commented = github.run("comment")
    assert not commented.failed, commented.output
    assert "experiments.fc_vae.latent" in first.summary
    assert "Outdated: `train@fc_vae`" in first.summary  # the branch brought no run of its own
    (comment,) = github.comments[len(before) :]
    assert comment["body"].startswith(MARKER)
    assert first.summary.strip() in comment["body"]
    assert "https://github.com/us/latentlab/actions/runs/1" in comment["body"]

    _measured(github.upstream, [-150.0, -151.0, -150.5])
    _commit(github.upstream, "a run of another latent, a bad one")
    second = github.run("committed")
    assert second.failed == "Fail if a chosen metric got worse", second.output
    assert not github.run("comment").failed
    assert "-150" in second.summary
    assert (second.artifact / "comparison/comparison.md").read_text() == second.summary
    assert (second.artifact / "comparison/pictures/index.html").exists()
    (renewed,) = github.comments[len(before) :]
    assert renewed["id"] == comment["id"]
    assert second.summary.strip() in renewed["body"]
    assert github.comments[: len(before)] == before


@pytest.mark.slow
def test_a_fork_gets_a_summary_and_no_comment(github: GitHub) -> None:
    before = github.comments
    run = github.run("committed", repository="them/latentlab")
    assert "fc_vae" in run.summary
    assert "::notice::" in run.steps["Say why there is no comment"]
    assert "Say why there is no comment" not in github.run("committed").steps
    assert github.comments == before


def _commented(folder: Path, number: str, text: str) -> tuple[int, str, list[dict[str, Any]]]:
    """What comment.sh NUMBER ends with, says, and leaves of comments, where `text` is what was compared."""
    (folder / "bin").mkdir()
    (folder / "bin/gh").write_text(f"#!{sys.executable}\n{GH}")
    (folder / "bin/gh").chmod(0o755)
    (folder / "comments.json").write_text("[]")
    (folder / "text.md").write_text(text, encoding="utf-8")
    own = {"GITHUB_REPOSITORY": OURS, "GITHUB_RUN_ID": "1", "GITHUB_SERVER_URL": "https://github.com"}
    own |= {"GH_TOKEN": "secret", "COMMENTS": str(folder / "comments.json")}
    done = subprocess.run(
        [str(ROOT / ".github/scripts/comment.sh"), number, str(folder / "text.md")],
        env={**os.environ, **own, "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, json.loads((folder / "comments.json").read_text())


@pytest.mark.parametrize("number", ["", "0", "7/../8", "7 8", "-1", "$(touch pwned)", "../../../user", "7\n8", "x"])
def test_a_comment_goes_to_a_pull_requests_number_only(number: str, tmp_path: Path) -> None:
    status, said, comments = _commented(tmp_path, number, "better")
    assert status == 1
    assert said.startswith("::error::expected the number of a pull request")
    assert len(said.splitlines()) == 1
    assert not comments


def test_a_comment_calls_nobody_and_names_stages(tmp_path: Path) -> None:
    text = "@everybody, (@some/team) look: `train@fc_vae` of a@b.org @@twice | @cell\n@line"
    status, said, (comment,) = _commented(tmp_path, "7", text)
    assert status == 0, said
    assert not re.search(r"(?<![\w])@\w", comment["body"])
    assert "`train@fc_vae` of a@b.org" in comment["body"]
    assert text in comment["body"].replace("\u200b", "")


@pytest.mark.slow
def test_the_smoke_job_reruns_what_differs_and_uploads_report_and_pictures(github: GitHub) -> None:
    first = github.run("smoke")
    assert not first.failed, first.output
    own = {"train@fc_vae", "evaluate@fc_vae", "figures@fc_vae", "report"}
    base, head = "Run the base", "Run the head, what differs from the base"
    assert ran(first.steps[base]) >= {"prepare@digits", "classify@digits", "referee@digits"} | own
    assert own - {"report"} <= ran(first.steps[head]) <= own | {"intervals", "conclude"}
    assert "experiments.fc_vae.latent" in first.summary
    for name in ("results/report/index.html", "comparison/comparison.md", "results/figures/fc_vae/samples.png"):
        assert (first.artifact / name).exists()
    assert "samples" in (first.artifact / "comparison/pictures/index.html").read_text()

    second = github.run("smoke")  # from the cache
    assert not second.failed, second.output
    assert not ran(second.steps[base])
    assert "train@fc_vae" not in ran(second.steps[head])
    same = [
        [line for line in run.summary.splitlines() if "→" not in line] for run in (first, second)
    ]  # but for commits
    assert same[0] == same[1]


@pytest.mark.slow
def test_a_base_that_does_not_run_can_be_mended(github: GitHub) -> None:
    stage = github.upstream.folder / "stages/report.py"
    working = stage.read_text()
    github.upstream.run("git", "switch", "-q", "main")
    stage.write_text("raise SystemExit('a broken base')\n")
    _commit(github.upstream, "broken")
    github.upstream.run("git", "switch", "-q", "-c", "mend")
    stage.write_text(working)
    _commit(github.upstream, "mended")
    run = github.run("smoke", branch="mend")
    assert "a broken base" in run.steps["Run the base"]
    assert not run.failed, run.output
    assert "nothing to compare" in run.summary
