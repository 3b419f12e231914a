"""A card checked: its form and digest first, then every number made again and compared.

    file --content_in--> Card --CardMaker on the same image and reference--> Verification

Numbers are compared exactly. What stands in the way, such as another reference, is named, and then
nothing is made again: all numbers would differ.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from rara import __version__
from rara.arguments import path_of
from rara.cards.canonical import content_in
from rara.cards.card import Card, bytes_in
from rara.cards.content import CardContent, content_of
from rara.cards.making import CardMaker, Named, Picture, pictures_of
from rara.cards.verification import ValueDifference, Verification
from rara.errors import CardError, ImageError, ParameterError
from rara.extractors import DEFAULT, Extractor, is_name
from rara.features.compatibility import check_same, network_for
from rara.features.features import Skipped
from rara.features.opening import Images, is_features
from rara.images.decode import content_digest
from rara.provenance.json_format import Json
from rara.reference.options import Options
from rara.reference.reference import Reference, reference_in
from rara.run import Run, checked_run, step
from rara.sources import Item
from rara.sources.single import OneItem, listed_images

_NOT_COMPARED: Final = ("kind", "schema", "rara", "versions")
"""Keys that say how a card was made; another value is no difference of the judgement."""


def verify(
    card: Card | str | os.PathLike[str],
    *,
    reference: Reference | Images | None = None,
    image: Picture | None = None,
    extractor: Named = None,
    copy_network: Named = None,
    run: Run | None = None,
) -> Verification:
    """Whether a card is what rara wrote, and whether these images give it again.

    `card`: a file, or a `Card`. `reference`: as `rara.card` takes it. `image`: the picture, or a
    place where it is; it is found by its content. With both, every number is made again and
    compared exactly. `extractor` and `copy_network` are needed only where the card's own cannot be
    found by their names.

    Raises SourceNotFoundError where a place is gone, and CardError for a file that cannot be read,
    a card of a later version, and JSON that ends in a right digest and is no card.
    """
    run = checked_run(run)
    if not isinstance(card, Card):
        place = path_of(card, "card")
        data = bytes_in(place)
        try:
            value = content_in(data)
        except CardError as error:
            return Verification(problem=str(error))
        try:
            card = Card(content_of(value))
        except CardError as error:
            raise CardError(f"'{place}' cannot be checked: {error}.") from None
    checked = _Check(card.content, extractor, copy_network, run)
    real = None if reference is None else checked.reference(reference)
    item = None if image is None else checked.image(image)
    if real is not None and item is not None and not checked.differences:
        card = checked.again(card, real, item)
    return Verification(
        compared=checked.compared, differences=tuple(checked.differences),
        remarks=tuple(checked.remarks()), card=card,
    )  # fmt: skip


class _Check:
    """One check, as far as it is."""

    def __init__(
        self, content: CardContent, extractor: Named, copy_network: Named, run: Run
    ) -> None:
        self.content, self._run = content, run
        self._extractor, self._copy_network = extractor, copy_network
        self.compared, self.differences = 0, list[ValueDifference]()
        self._remarks, self._places = list[str](), set[str]()
        self._packages: dict[str, str] = {}

    def reference(self, place: Reference | Images) -> Reference:
        """The reference, made as the card's was; what differs is noted."""
        self._places.add("reference")
        real = place if isinstance(place, Reference) else self._made(place)
        wanted = self.content.reference
        for what, said, found in (
            ("reference.fingerprint", wanted.fingerprint, real.geometry.fingerprint),
            ("reference.count", wanted.count, len(real)),
            ("extractor.name", self.content.extractor.name, real.features.spec.name),
        ):
            if said != found:
                self.differences.append(ValueDifference(what, said, found))
        if self.differences:
            self._remarks.append(
                "Another reference: other images, another order, or another extractor. No number "
                "was made again."
            )
        return real

    def _made(self, place: Images) -> Reference:
        if (saved := reference_in(place, "reference")) is not None:
            return saved
        cleaning = self.content.reference.cleaning
        metric: Any = self.content.reference.metric  # words of others are checked by `fit`
        deduplicate: Any = cleaning.deduplicate
        images = place if is_features(place) else listed_images(place)
        return Reference.fit(
            images, k=self.content.options.k, metric=metric, deduplicate=deduplicate,
            extractor=DEFAULT if is_features(images) else self._network(),
            unit=cleaning.unit, clip_radii=cleaning.clip_radii, run=self._run,
        )  # fmt: skip

    def _network(self) -> Extractor:
        """The card's own. Raises ReferenceMismatchError where it is another one here."""
        spec = self.content.extractor
        network = network_for(spec, self._extractor, self._run)
        check_same(spec, replace(network.spec, metric=spec.metric))
        return network

    def image(self, place: Picture) -> Item | None:
        """The picture of the card at a place, by its content; None where it is not there."""
        self._places.add("image")
        wanted, seen = self.content.image.sha256, list[str]()
        for item in pictures_of(place):
            try:
                seen.append(content_digest(item.load()))
            except ImageError:
                continue
            if seen[-1] == wanted:
                return item
        found = seen[0] if len(seen) == 1 else f"none of {len(seen):,} images"
        self.differences.append(ValueDifference("image.sha256", wanted, found))
        self._remarks.append("Another picture than the card's. No number was made again.")
        return None

    def again(self, card: Card, real: Reference, item: Item) -> Card:
        """Make the card again, and compare; the card with the names that images have here."""
        with step(self._run.progress, "Making the card again"):
            maker = CardMaker(real, self._extractor, self._run, **self._options())
            made = next(maker.cards(OneItem(item, "the picture")))
        if isinstance(made, Skipped):
            self._remarks.append(f"The picture cannot be used here: {made.reason}.")
            return card
        before, now = dict(_leaves(self.content.to_json())), dict(_leaves(made.content.to_json()))
        nothing: Any = object()
        for what in dict.fromkeys([*before, *now]):
            said, found = before.get(what, nothing), now.get(what, nothing)
            if nothing in (said, found) or json.dumps(said) != json.dumps(found):
                lacking = [None if one is nothing else one for one in (said, found)]
                self.differences.append(ValueDifference(what, *lacking))
        self.compared = len(now)
        self._packages = {
            name: f"{name} {said} then, {now_} now"
            for name, said in self.content.versions.items()
            if (now_ := made.content.versions.get(name)) != said
        }
        return replace(card, shown=made.shown)

    def _options(self) -> Options:
        options = self.content.options
        return {
            "k": options.k, "alpha": options.alpha, "boundary": options.boundary,
            "compat": options.compat, "also": options.also,  # type: ignore[typeddict-item]
            "evidence": options.evidence, "copy_network": self._named_copy_network(),
        }  # fmt: skip

    def _named_copy_network(self) -> Named:
        spec = self.content.options.copy_network
        if spec is None or self._copy_network is not None:
            return None if spec is None else self._copy_network
        if not is_name(spec.name):
            raise ParameterError(
                f"The card was made with the copy network '{spec.name[:80]}', which no name stands "
                "for: give copy_network (--copy-network)."
            )
        return spec.name

    def remarks(self) -> Iterator[str]:
        """What could explain a difference, or was not checked."""
        yield from self._remarks
        if self.content.rara != __version__:
            yield f"Made with rara {self.content.rara}; this is {__version__}."
        if any(one.what == "image.vector" for one in self.differences):
            yield (
                "The network gives another vector here: by another version of a package, or on "
                "another kind of processor."
            )
        if any(one.what.startswith("evidence") for one in self.differences):
            yield (
                "Other pictures were compared than for the card: some are gone, or the reference "
                "has an index of local features at one time only."
            )
        if self.differences and self._packages:
            yield f"Other packages: {'; '.join(self._packages.values())}."
        if not self.differences and self._places in ({"image"}, {"reference"}):
            [have] = self._places
            lack = "reference" if have == "image" else "image"
            what = {"image": "picture", "reference": "reference"}[have]
            yield f"The {what} is the card's. Give the {lack} too, to make its numbers again."


def _leaves(value: Json, place: str = "") -> Iterator[tuple[str, Json]]:
    """Each value of a card with its place in it."""
    if isinstance(value, dict) and value:
        for key, one in value.items():
            if place or key not in _NOT_COMPARED:
                yield from _leaves(one, f"{place}.{key}" if place else key)
    elif isinstance(value, list) and value:
        for at, one in enumerate(value):
            yield from _leaves(one, f"{place}[{at}]")
    else:
        yield place, value
