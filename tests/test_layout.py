"""The order of the layers, and the size of functions and files, held by parsing the code."""

import ast
import statistics
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "rara"

# A file imports only from files above it; a package stands for its __init__.
ORDER = """
    errors text arguments machine cache plain durable manifest bundle budget crews strips depth
    ranges pillow
    footprint colours screening images prints
    sources.base sources.names sources.paths sources.content sources.hidden sources.compound
    sources.remedies sources.splits sources.folder_labels sources.records sources.limits
    sources.rows sources.matching sources.sidecars sources.metadata sources.files sources.hub
    sources.folder sources.archives sources.streams sources.tar_members sources.tars
    sources.zip_layout sources.zips sources.pixels sources.labels sources.stacks
    sources.numpy_files sources.elements sources.memory sources.columns sources.saved
    sources.tables sources.joined sources
    extractors.base extractors.preprocessing extractors.feature_maps extractors.legacy_torch
    extractors.onnx
    extractors.efficientnet_lite0 extractors.registry extractors
    origin items store pool embed

    geometry.kept_code
    geometry.compiled geometry.executors geometry.distances geometry.rotation geometry.codes
    geometry.filter geometry.proofs geometry.sixteen_bits geometry.products geometry.reducers
    geometry.coded geometry.tiles geometry.scan geometry.query geometry.mutual geometry.processes
    geometry.bits geometry calibration joint
    scores.base scores.rarity scores.clipped_rarity scores.local_outlier_factor scores.families
    scores.typicality scores.fidelity scores.joining scores.copy_volume scores.copying
    scores.leave_one_out scores.copy_statistic scores.ball_ratio scores.calibrated scores.verdict
    scores.dissent scores.every_k scores.modes scores.reasons scores

    report.words report.spread report.verdicts report.rarest report.dissent report.calibrated
    report.told_apart report.grouped report.odd_ones report.repeated report.findings
    report.sentences report.terminal report.thumbnails report.histogram report.drawing report.cards
    report.listed report.page report.audited report.notebook
    report.among_siblings report
    two_sample.views two_sample.pool two_sample.repeats two_sample.ranks two_sample.classifier
    two_sample.comparison two_sample
    formulas pictures believed earlier results contested run agreement metric neighbourhood pixels
    gallery duplicates
    bursts distinct grouping units repeats treatment codebook provenance reals witnesses
    conclusion membership audit groups typical siblings judgement among_siblings
    reference again opinions
    cli.printing cli.interrupts cli.unforeseen cli.progress cli.options cli.reading cli.opened
    cli.formulas cli.output cli.groups cli.opinions cli.score cli.audit cli.reference cli.embed
    cli.siblings cli.doctor cli.app cli
"""
LAYERS = ORDER.split()

FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
    if path.parent != ROOT or not path.stem.startswith("__")
}


def imported(path):
    """Names below rara that a file imports, those for type checkers included."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("rara."):
            inner = node.module.removeprefix("rara.")
            for alias in node.names:
                whole = f"{inner}.{alias.name}"
                yield whole if whole in FILES else inner
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("rara."):
                    yield alias.name.removeprefix("rara.")


def functions():
    for name, path in FILES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}:{node.name}", _lines(node)


def _lines(function):
    """Lines of a function without its signature and docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def test_every_file_has_its_place():
    assert sorted(FILES) == sorted(LAYERS)


@pytest.mark.parametrize("name", FILES)
def test_imports_come_from_above(name):
    above = LAYERS[: LAYERS.index(name)]
    below = [other for other in imported(FILES[name]) if other not in above]
    assert not below


def test_geometry_knows_nothing_of_images():
    known = {"errors", "machine", "cache"}
    for name, path in FILES.items():
        if name.startswith("geometry"):
            assert {n for n in imported(path) if not n.startswith("geometry")} <= known


@pytest.mark.parametrize("name", sorted(set(FILES) - {"cli.printing"}))
def test_only_one_file_prints(name):
    """No other one writes to stdout or stderr, makes a console, or has rich or warnings do it."""
    tree = ast.parse(FILES[name].read_text(encoding="utf-8"))
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {"stdout", "stderr", "__stdout__", "__stderr__"} & attributes
    assert not {"print", "Console", "rich.print", "warnings.warn", "warn"} & called


def test_functions_are_short():
    sizes = dict(functions())
    assert {name: size for name, size in sizes.items() if size > 60} == {}
    assert statistics.median(sizes.values()) <= 7
    assert statistics.quantiles(sizes.values(), n=10)[-1] <= 25


def test_files_are_short():
    sizes = {name: len(path.read_text("utf-8").splitlines()) for name, path in FILES.items()}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_every_file_opens_with_what_it_is_for():
    for path in FILES.values():
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
