"""What the documents and the container's recipe say of the service is so."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rara.cli.app import app
from rara.cli.options import ServingWork, bytes_of
from rara.run import DEFAULT_MAX_PIXELS
from rara.service.limits import Limits
from rara.service.routes import operations_of
from rara.service.security import SHORTEST_TOKEN
from uploading import listening

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "docs" / "how-to" / "serve-a-reference.md",
    ROOT / "docs" / "reference" / "commands.md",
]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def options(command):
    return set(re.findall(r"(?<![\w-])--[a-z-]+", command))


def parsed(words):
    """The words as the command line takes them; raises where it does not."""
    command, bound, _ = app.parse_args(shlex.split(words), exit_on_error=False, print_error=False)
    return command, bound


def test_the_how_to_names_the_paths_that_are_there(serving):
    page = PAGES[0].read_text(encoding="utf-8")
    named = {
        path.partition("?")[0]
        for path in re.findall(r"[` ]?(/(?:v1/[a-z]+|metrics|openapi.json))", page)
    }
    there = {one.path.partition("/{")[0] for one in operations_of(serving)} - {"/"}
    assert named == there


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_serve_are_ones_that_it_takes(page):
    lines = [line.partition("#")[0] for line in page.read_text(encoding="utf-8").splitlines()]
    commands = [line.strip() for line in lines if line.startswith("rara serve")]
    assert commands
    for command in commands:
        assert parsed(command.removeprefix("rara "))[0].__name__ == "serve"


def test_the_usual_limits_are_those_that_the_page_states():
    page = " ".join(PAGES[1].read_text(encoding="utf-8").split())
    limits = Limits()
    assert (
        f"{limits.images} images, {limits.body_bytes >> 20} MiB, {limits.pixels // 10**6} "
        f"megapixels an image, and {limits.waiting} requests that wait"
    ) in page
    assert f"at least {SHORTEST_TOKEN} characters" in " ".join(text("SECURITY.md").split())


@pytest.mark.parametrize(("given", "pixels"), [
    ("", Limits().pixels), ("--max-pixels 128000000", 128_000_000),
    ("--max-pixels 1000", 1000), ("--max-pixels 200000000", 200_000_000),
])  # fmt: skip
@pytest.mark.parametrize("command", ["serve", "explore"])
def test_the_pixels_of_a_sent_image_are_those_that_were_given(command, given, pixels):
    _, bound = parsed(f"{command} train {given}")
    working = bound.arguments.get("working") or ServingWork()
    assert working.limits().pixels == pixels
    assert working.limits().pixels_at_once == max(Limits().pixels_at_once, pixels)
    assert working.run().max_pixels == (pixels if given else DEFAULT_MAX_PIXELS)


@pytest.mark.parametrize("command", ["serve", "explore"])
def test_the_help_states_the_limits_that_hold(command, capsys):
    from commands import called

    said = " ".join(called(capsys, command, "--help")[1].replace("│", " ").split())
    assert f"[default: {DEFAULT_MAX_PIXELS}, and {Limits().pixels} of a sent image]" in said
    if command == "serve":
        assert "[default: 32 MiB]" in said
        assert bytes_of("32 MiB") == Limits().body_bytes


def test_the_container_runs_as_nobody_and_with_options_that_there_are():
    recipe = text("Dockerfile")
    lines = recipe.splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER")]
    assert users == ["65534:65534"]
    words = [
        " ".join(re.findall(r'"([^"]*)"', line))
        for line in lines
        if line.startswith(("ENTRYPOINT", "CMD"))
    ]
    _, bound = parsed(" ".join(words).removeprefix("rara "))
    assert bound.arguments["reference"] == "/reference"
    assert bound.arguments["listening"].host == "0.0.0.0"
    assert str(bound.arguments["listening"].token_file) == "/token"
    (cache,) = {line.split()[1] for line in lines if line.startswith("VOLUME")}
    assert f"RARA_CACHE={cache}" in recipe
    extras = tomllib.loads(text("pyproject.toml"))["project"]["optional-dependencies"]
    assert re.findall(r"'\.\[(\w+)\]'", recipe) == ["explore"]
    assert {re.match(r"[\w-]+", one)[0] for one in extras["explore"]} >= {
        "starlette", "uvicorn", "python-multipart",
    }  # fmt: skip


def test_the_health_check_asks_for_what_the_service_answers(serving):
    recipe = text("Dockerfile")
    (code,) = re.findall(r'"(import urllib.*)"\]', recipe)
    _, bound = parsed("serve train --host 127.0.0.1")
    port = str(bound.arguments["listening"].port)
    assert re.findall(r"^EXPOSE (\d+)$", recipe, re.MULTILINE) == [port]
    assert f"http://127.0.0.1:{port}/" in code
    with listening(serving) as address:
        check = code.replace(f"http://127.0.0.1:{port}/", address)
        assert (
            subprocess.run([sys.executable, "-c", check], timeout=60, check=False).returncode == 0
        )
    over = subprocess.run(
        [sys.executable, "-c", check], timeout=60, capture_output=True, check=False
    )
    assert over.returncode != 0


def test_all_that_the_recipe_copies_is_sent_to_the_builder():
    sent = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", text("Dockerfile"), re.MULTILINE)
    assert {name for line in copied for name in line.split()} == sent
    assert all((ROOT / name).exists() for name in sent)


def test_without_its_packages_the_command_says_what_to_install(monkeypatch, capsys):
    from commands import called
    from rara.service import packages

    monkeypatch.setattr(packages, "find_spec", lambda name: None)
    code, out, err = called(capsys, "serve", "nowhere")
    assert (code, out) == (2, "")
    assert "`pip install starlette uvicorn python-multipart`" in err
