"""Every command is documented, and what the documents show runs."""

import ast
import builtins
import re
import shlex
import zipfile
from contextlib import nullcontext
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from rara.cli.app import app, run

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page, language):
    return [code for found, code in steps(page) if found == language]


def steps(page):
    """What a page shows to be run, in its order: (language, code)."""
    text = page.read_text(encoding="utf-8")
    return re.findall(r"```(console|python)\n(.*?)```", text, re.DOTALL)


def commands(block):
    """Those of rara, however the page calls it: `rara`, or `.venv/bin/rara` of a checkout."""
    lines = block.replace("\\\n", " ").splitlines()
    calls = [line.removeprefix("$ ").removeprefix(".venv/bin/") for line in lines]
    return [call for call in calls if call.startswith("rara ")]


def every_command(application, path="rara"):
    for name in application:
        if not name.startswith("-"):
            command = application[name]
            inner = [part for part in command if not part.startswith("-")]
            yield from every_command(command, f"{path} {name}") if inner else [f"{path} {name}"]


DEMO = ROOT / "examples" / "fashion"


def some_of(archive, target, step):
    """Each step-th image of an archive, as an archive."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(target, "w") as part:
        for name in whole.namelist()[::step]:
            part.writestr(name, whole.read(name))


def sheet_of(folder, target):
    """Nine pictures of a folder in a grid."""
    sheet = Image.new("RGB", (3 * 104 + 8, 3 * 104 + 8), "white")
    for place, path in enumerate(sorted(folder.glob("*.png"))[:9]):
        picture = Image.open(path).convert("RGB").resize((96, 96))
        sheet.paste(picture, (8 + place % 3 * 104, 8 + place // 3 * 104))
    sheet.save(target)


def pooling_network(path):
    """An ONNX file that pools an image over squares."""
    entry = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])
    exits = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    pool = helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[2, 2], strides=[2, 2])
    graph = helper.make_graph(
        [pool, helper.make_node("Flatten", ["p"], ["y"])], "g", [entry], [exits]
    )
    opsets = [helper.make_opsetid("", 13)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


@pytest.fixture
def place(tmp_path, monkeypatch, draw):
    """A folder as the documents assume it; of the demo's images a tenth."""
    for archive in DEMO.glob("*.zip"):
        some_of(archive, tmp_path / archive.name, 10)
    pooling_network(tmp_path / "network.onnx")
    sheet_of(draw(tmp_path / "train", 14, 0), tmp_path / "sheet.png")
    draw(tmp_path / "samples", 6, 1)
    draw(tmp_path / "more", 6, 2)
    draw(tmp_path / "later" / "june", 4, 3)
    for scene in range(6):
        draw(tmp_path / "frames" / f"scene {scene}", 3, 10 + scene)
    draw(tmp_path / "train" / "birds", 4, 4)
    drawn = draw(tmp_path / "samples" / "birds", 4, 5)
    rows = [f"birds/{path.name},a bird" for path in drawn.iterdir()]
    (tmp_path / "samples" / "metadata.csv").write_text("\n".join(["file_name,prompt", *rows]))
    (tmp_path / "my_metrics.py").write_text(METRICS, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)


METRICS = """
def coverage(samples, reference):
    return 1.0

def both(samples, reference):
    return {"near": 1.0, "wide": 1.0}
"""


def test_every_command_is_documented():
    text = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    headings = " ".join(line for line in text.splitlines() if line.startswith("## "))
    found = list(every_command(app))
    assert {"rara score", "rara reference build", "rara doctor"} <= set(found)
    assert [command for command in found if f"`{command}`" not in headings] == []


FROM_AN_INDEX = re.compile(r"pip install[^`\n]*\brara\b|\brara\[")


def test_nothing_says_that_rara_is_on_an_index():
    """It is installed from a checkout: `make install`, or `pip install -e .` there."""
    for promise in ("pip install rara", "run `pip install 'rara[torch]'`"):
        assert FROM_AN_INDEX.search(promise)
    code = [
        path for part in ("src", "studies", "benchmarks") for path in (ROOT / part).rglob("*.py")
    ]
    texts = {path.name: path.read_text(encoding="utf-8") for path in [*PAGES, *code]}
    assert [name for name, text in texts.items() if FROM_AN_INDEX.search(text)] == []


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


LONGEST = 30
"""Words of a sentence: the reader's second language may be English."""
NO_PROSE = re.compile(
    r"""
    ```.*?``` | <!--.*?-->           # code and comments
    | (?<=\n\n)(?:[ ]{4,}[^\n]+\n)+    # formulas
    """,
    re.DOTALL | re.MULTILINE | re.VERBOSE,
)
SENTENCES = re.compile(
    r"""
    \n\s*\n | ^\s*(?:[-*#>]+|\d+\.)\s     # paragraphs, items, headings
    | (?<=[.!?])[)*_"]*(?:\s|$)
    """,
    re.MULTILINE | re.VERBOSE,
)


def sentences(text):
    """The sentences of a page and its tables, without code, formulas and the targets of links."""
    prose = re.sub(r"\]\([^)]*\)", "]", NO_PROSE.sub("\n\n", text))
    prose = re.sub(r"^ *\|.*", lambda row: row[0].replace("|", "\n\n"), prose, flags=re.MULTILINE)
    return [" ".join(part.split()) for part in SENTENCES.split(prose) if part.strip()]


def test_sentences_are_found():
    text = (
        "# A heading\n\nOne, two\nand three. Four: [five](a. b)!\n\n    a = b\n    c = d\n\n"
        "- six\n  and seven\n- eight\n\n| a | b. |\n\n```python\nnine\n```\n<!-- ten -->\n"
    )
    assert sentences(text) == [
        *("A heading", "One, two and three.", "Four: [five]!", "six and seven", "eight", "a", "b."),
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_sentence_is_too_long(page):
    found = sentences(page.read_text(encoding="utf-8"))
    assert [one for one in found if len(one.split()) > LONGEST] == []


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


def test_make_study_runs_every_study():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    scripts = [
        path for path in (ROOT / "studies").glob("*.py") if "__main__" in path.read_text("utf-8")
    ]
    assert scripts
    assert [one.name for one in scripts if f"studies/{one.name}" not in makefile] == []


def test_there_is_something_to_run():
    readme, tutorial = ROOT / "README.md", ROOT / "docs" / "tutorial.md"
    assert [command for block in blocks(readme, "console") for command in commands(block)]
    assert blocks(readme, "python")
    assert len(blocks(tutorial, "console")) >= 4
    assert blocks(tutorial, "python")


def named(page):
    return str(page.relative_to(ROOT))


@pytest.fixture
def ends_at_once(monkeypatch):
    """What serves says where, and ends; no browser opens."""

    def served(app, guard, *, ready, **_):
        ready(f"http://{guard.host}:{guard.port}/", lambda: None)
        return True

    monkeypatch.setattr("rara.service.running.bound", nullcontext)
    monkeypatch.setattr("rara.service.running.serve", served)
    monkeypatch.setattr("webbrowser.open", lambda address: True)


@pytest.mark.parametrize("page", list(filter(steps, PAGES)), ids=named)
def test_what_a_page_shows_runs_in_its_order(page, place, capsys, ends_at_once):
    for language, code in steps(page):
        if language == "python":
            exec(compile(code, page.name, "exec"), {})
            continue
        for command in commands(code):
            result = run(shlex.split(command)[1:])
            assert result == 0, f"{command}: {capsys.readouterr().err}"


def anchors(page):
    """What links to the headings of a page end in."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8"))
    for target, anchor in links:
        place = page.parent / target if target else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), f"{target}#{anchor}"


def test_every_document_is_in_the_index():
    index = ROOT / "docs" / "README.md"
    text = index.read_text(encoding="utf-8")
    pages = [page for page in PAGES if page.parent != ROOT and page != index]
    missing = [page.name for page in pages if f"({page.relative_to(index.parent)})" not in text]
    assert missing == []


def labels(lines):
    return [line.split()[0] for line in lines if line and not line.startswith(" ")]


def test_the_tutorial_explains_each_line_of_the_summary(place, capsys):
    """In the order in which the command prints them today, as in the output that is shown."""
    text = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    shown = re.search(r"```text\n(.*?)```", text, re.DOTALL)[1]
    (command,) = commands(steps(ROOT / "docs" / "tutorial.md")[0][1])
    assert run(shlex.split(command)[1:]) == 0
    assert labels(shown.splitlines()) == explained
    assert labels(capsys.readouterr().out.splitlines()) == explained


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how-to").glob("*.md")), ids=named)
def test_a_how_to_is_short_and_runs(page):
    assert steps(page)
    assert len(page.read_text(encoding="utf-8").splitlines()) <= 50


def test_every_make_target_that_a_page_names_is_there():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.MULTILINE))
    assert {"demo", "install", "test"} <= named
    assert named <= targets


CODE = [path for part in ("src", "studies", "benchmarks") for path in (ROOT / part).rglob("*.py")]
NAMED_FILE = re.compile(r"`(?:python )?([\w/-]+\.py)\b[^`]*`")
NAMED_CODE = re.compile(
    r"`((?:[A-Z][a-z0-9]+){2,}(?:\.\w+)?|[A-Z][a-z]+\.\w+|\w+(?:\.\w+)*(?=\())(?:\([^`]*\))?`"
)
"""Words in backticks that look like a class of several words, its part, or a call."""


def defined():
    """Names of all classes, functions and attributes of rara, alone and behind their class."""
    for path in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                yield from (node.name, f"{path.stem}.{node.name}")
            elif isinstance(node, ast.ClassDef):
                yield node.name
                for part in node.body:
                    name = getattr(part, "name", getattr(getattr(part, "target", None), "id", ""))
                    yield f"{node.name}.{name}"
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                yield node.targets[0].id


def test_every_class_and_function_that_a_page_names_exists():
    names = {*defined(), *dir(builtins), "Thumbs.db"}  # the last one is a file of Windows
    for page in PAGES:
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        named = (
            name if name[0].isupper() else name.rpartition(".")[2]
            for name in NAMED_CODE.findall(text)
        )  # fmt: skip
        assert [name for name in named if name not in names] == [], page.name


def test_names_of_code_are_recognised():
    text = "`NearestDistance`, `Table.save(x)`, `rara.open_source(a, b=1)`; `Rarest`, `knn_p`"
    assert NAMED_CODE.findall(text) == ["NearestDistance", "Table.save", "rara.open_source"]
    assert NAMED_FILE.findall("`stats/a.py`, `python b.py --c`, `d.pyc`") == ["stats/a.py", "b.py"]


def test_every_file_of_code_that_is_named_exists():
    parts = ("src", "tests", "studies", "benchmarks", "docs", "examples")
    files = "\n".join(f"/{path}" for part in parts for path in (ROOT / part).rglob("*.py")) + "\n"
    assert "/src/rara/run.py\n" in files
    for path in [*PAGES, *CODE]:
        named = NAMED_FILE.findall(path.read_text(encoding="utf-8"))
        assert [name for name in named if f"/{name}\n" not in files] == [], path.name
