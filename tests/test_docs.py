"""Every command is documented, and what the documents show runs."""

import re
import shlex
from pathlib import Path

import pytest

from rara.cli.app import app, run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def commands(page):
    lines = "".join(blocks(page, "console")).replace("\\\n", " ").splitlines()
    return [
        line.removeprefix("$ ") for line in lines if line.removeprefix("$ ").startswith("rara ")
    ]


def every_command(application, path="rara"):
    for name in application:
        if not name.startswith("-"):
            command = application[name]
            inner = [part for part in command if not part.startswith("-")]
            yield from every_command(command, f"{path} {name}") if inner else [f"{path} {name}"]


@pytest.fixture
def place(tmp_path, monkeypatch, draw):
    """A folder as the documents assume it."""
    draw(tmp_path / "train", 14, 0)
    draw(tmp_path / "samples", 6, 1)
    draw(tmp_path / "more", 6, 2)
    draw(tmp_path / "later" / "june", 4, 3)
    for scene in range(6):
        draw(tmp_path / "frames" / f"scene {scene}", 3, 10 + scene)
    draw(tmp_path / "train" / "birds", 4, 4)
    drawn = draw(tmp_path / "samples" / "birds", 4, 5)
    rows = [f"birds/{path.name},a bird" for path in drawn.iterdir()]
    (tmp_path / "samples" / "metadata.csv").write_text("\n".join(["file_name,prompt", *rows]))
    monkeypatch.chdir(tmp_path)


def test_every_command_is_documented():
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in text.splitlines() if line.startswith("## "))
    found = list(every_command(app))
    assert {"rara score", "rara reference build", "rara doctor"} <= set(found)
    assert [command for command in found if f"`{command}`" not in headings] == []


GUARANTEES = ("proven", "proven on average over seeds", "measured")
CLAIMS = re.compile(r"\b(proven|exact|exactly|guaranteed|guarantees?)\b")


def guarantees():
    """What docs/explanation/trust.md says of each column: its table, column -> words."""
    text = (ROOT / "docs" / "explanation" / "trust.md").read_text(encoding="utf-8")
    table = text.partition("| column | error rate that is kept | guarantee |")[2].partition("\n\n")[
        0
    ]
    rows = [line.strip("|").split("|") for line in table.splitlines()[2:]]
    return {name: row[2].strip() for row in rows for name in re.findall(r"`(\w+)`", row[0])}


def test_the_table_of_guarantees_has_three_words_and_every_p_and_q():
    found = guarantees()
    assert all(words.split(" with ")[0] in GUARANTEES for words in found.values())
    assert {"knn_p", "off_manifold_p", "off_manifold_q", "copy_p", "copy_q"} <= set(found)
    listed = re.findall(
        r"`(\w+_[pq])`", (ROOT / "docs" / "reference" / "columns.md").read_text(encoding="utf-8")
    )
    assert set(listed) <= set(found)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_claims_more_than_the_table_of_guarantees(page):
    """In no sentence that names a column whose rate is measured does a stronger word stand."""
    measured = [name for name, words in guarantees().items() if words == "measured"]
    assert "copy_q" in measured
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for sentence in re.split(r"(?<=[.:;|])\s", text):
        if any(f"`{name}`" in sentence for name in measured):
            claims = CLAIMS.findall(
                re.sub(r"exact (copies|one)|not proven|no such proof", "", sentence)
            )
            assert not claims, sentence


def test_every_option_of_score_is_documented():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    collection = app["score"].assemble_argument_collection()
    names = [argument.names[0] for argument in collection if argument.names[0].startswith("--")]
    assert "--reference" in names
    hidden = {"--samples", "--output", "--k", "--fit"}
    assert [name for name in names if name not in text and name not in hidden] == []


def test_every_study_is_listed():
    page = (ROOT / "studies" / "README.md").read_text(encoding="utf-8")
    studies = sorted(path.name for path in (ROOT / "studies").glob("*.py"))
    assert studies
    assert [name for name in studies if f"`{name}`" not in page] == []


def test_there_is_something_to_run():
    assert len(commands(ROOT / "README.md")) >= 2
    assert blocks(ROOT / "README.md", "python")


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda p: p.name)
def test_commands_run(page, place, capsys):
    for command in commands(page):
        code = run(shlex.split(command)[1:])
        assert code == 0, f"{command}: {capsys.readouterr().err}"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda p: p.name
)
def test_python_runs(page, place):
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []
