"""What a person writes to see images in a viewer without a command for it; run where it is.

    ENVIRONMENT/bin/python viewer_jobs.py fiftyone_images FOLDER VECTORS PORT

It imports nothing of rara. A job that serves says on a line of its own when its address answers.
"""

import sys
from functools import partialmethod
from pathlib import Path

READY = "the viewer is ready"


def main() -> None:
    name, *words = sys.argv[1:]
    JOBS[name](*words)


def say(words: str) -> None:
    sys.stdout.write(f"\n{words}\n")
    sys.stdout.flush()


def paths_of(folder: str) -> list[str]:
    """In the order of the vectors."""
    return sorted(str(path) for path in Path(folder).resolve().rglob("*.png"))


# -- FiftyOne --


def fiftyone_images(folder: str, vectors: str, port: str) -> None:
    """A dataset of a folder, with a map of its vectors beside the images."""
    import fiftyone as fo
    import fiftyone.brain as brain
    import numpy as np

    if "images" not in fo.list_datasets():
        dataset = fo.Dataset("images", persistent=True)
        paths = paths_of(folder)
        dataset.add_samples([fo.Sample(path, label=Path(path).parent.name) for path in paths])
        brain.compute_visualization(
            dataset, embeddings=np.load(vectors), brain_key="map", method="umap", seed=0
        )
    _fiftyone_shows("images", port)


def fiftyone_points(positions: str, port: str) -> None:
    """A dataset whose map is given; its images do not exist, and are not looked at."""
    import fiftyone as fo
    import fiftyone.brain as brain
    import numpy as np

    if "points" not in fo.list_datasets():
        places = np.load(positions)
        dataset = fo.Dataset("points", persistent=True)
        dataset.add_samples(fo.Sample(f"/none/{i}.png") for i in range(len(places)))
        brain.compute_visualization(dataset, points=places, brain_key="map")
    _fiftyone_shows("points", port)


def _fiftyone_shows(name: str, port: str) -> None:
    import fiftyone as fo
    from fiftyone.core.service import ServerService

    # It gives its server one minute to start, which is too short on a busy machine.
    ServerService._wait_for_child_port = partialmethod(
        ServerService._wait_for_child_port, timeout=600
    )
    panels = [fo.Panel(type="Samples", pinned=True), fo.Panel(type="Embeddings")]
    panels[1].state = {"brainResult": "map"}
    spaces = fo.Space(
        children=[fo.Space(children=[one], active_child=one.component_id) for one in panels]
    )
    spaces.orientation = "horizontal"
    session = fo.launch_app(
        fo.load_dataset(name), spaces=spaces, remote=True, port=int(port), address="127.0.0.1"
    )
    say(READY)
    session.wait(-1)


# -- fastdup --


def fastdup_gallery(folder: str, work: str) -> None:
    """Its pages of duplicates, outliers and clusters; it makes its own vectors."""
    import fastdup

    found = fastdup.create(input_dir=folder, work_dir=str(Path(work) / "run"))
    found.run(overwrite=True, print_summary=False)
    pages = Path(work) / "page"
    for gallery in ("duplicates", "outliers", "component"):
        getattr(found.vis, f"{gallery}_gallery")(save_path=str(pages))
    say(READY)


JOBS = {
    one.__name__: one
    for one in (fiftyone_images, fiftyone_points, fastdup_gallery)
}  # fmt: skip

if __name__ == "__main__":
    main()
