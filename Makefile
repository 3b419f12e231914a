# make demo      install, judge the demo's samples, say where the report is
# make demo-compare   compare the demo's generators, say where the page is
# make test      install, lint, check types, run the tests
# make test-torch  the extractors and adapters in PyTorch against their libraries (installs those, 7 GB)
# make bench     speed and memory beside peers, into docs/studies/performance.md, and viewers of images, which it
#                installs (10 GB, needs chromium), into docs/studies/viewers.md (hours; SIZE=small: minutes, into
#                .bench, to see that it runs)
# make study     experiments at full size (downloads packages, takes hours)

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
# Tests run side by side; more processes would only fight for the cores that each one uses.
PARALLEL := -n auto --maxprocesses 4 --dist worksteal
# A browser opens the report in the tests. Where there is none and apt may install one, it does.
BROWSER := $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: install install-dev browser demo demo-compare test test-slow test-torch lint bench study clean

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-dev: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test,lint]'
	touch $@ $(VENV)/.installed

browser:
ifeq ($(BROWSER),)
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else echo "No browser found: the test that opens the report is skipped."; fi
endif

demo: install
	@mkdir -p $(DEMO)
	$(BIN)/rara score examples/fashion/gan-1.0.zip --reference examples/fashion/reference.zip \
		--report $(DEMO)/report.html --output $(DEMO)/scores.parquet
	@echo "The report: $(abspath $(DEMO)/report.html)"

demo-compare: install
	@mkdir -p $(DEMO)
	$(BIN)/rara compare examples/fashion/gan-1.0.zip examples/fashion/gan-0.5.zip examples/fashion/vae.zip \
		--reference examples/fashion/reference.zip --report $(DEMO)/compare.html --output $(DEMO)/compare.md
	@echo "The page: $(abspath $(DEMO)/compare.html)"

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# First the tests of compiled loops, with every index checked: a loop that writes beside its array may end the
# process in another test, or change another result.
test: install-dev browser lint
	NUMBA_BOUNDSCHECK=1 $(BIN)/pytest $(PARALLEL) tests/geometry tests/retrieval tests/stats
	$(BIN)/pytest $(PARALLEL)

test-slow: install-dev browser
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[slow]'
	$(BIN)/pytest -m slow

test-torch: install-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[torch,torchmetrics,lightning,loggers]' \
		open_clip_torch prdc pyod transformers accelerate diffusers
	$(BIN)/pytest -m 'slow or not slow' tests/adapters tests/watching tests/selection/test_torch_reward.py \
		tests/selection/test_guidance.py \
		tests/extractors/test_torch_extractors.py

# What is measured at another size than the scripts' own is said here: make bench PEERS='--repeats 1'
SIZE ?= full
ifeq ($(SIZE),small)
RESULTS := .bench/results
PAGE := .bench/performance.md
PEERS ?= --reference 4000 --samples 1000 --memory 2 --repeats 1
GROWTH ?= --counts 2000 4000 --samples 1000 --shared 4000 --turns 1
SMALL ?= --reference 4000 --images 100 --calls 5
SERVICE ?= --calls 20
GEOMETRY ?= --reference 4000 --samples 1000 --repeats 1
EXTRACTION ?= --images 16 --rounds 1
PICTURES ?= --reference 4000 --samples 1000 --repeats 1
SEARCH ?= --reference 30 --samples 2 --scored 10 --repeats 1
FRECHET ?= --samples 500 --reference 500 --repeats 1
KERNELS ?= --reference 2000 --repeats 1
PARTS ?= --reference 2000 --samples 500 --repeats 1
SETS ?= --reference 2000 --samples 500
EXPLORER_DATA ?= --points 10000
FRAME_RATE ?= --points 10000 --seconds 2
VIEWERS ?= --who rara --installed --images 100 --points 10000 --quiet 3 --moving 2
SELECTION ?= --samples 1000 --peers 300 --reference 500
REWARD ?= --reference 2000 --calls 5
BESIDE := .bench/viewers.md
else
RESULTS := benchmarks/results
PAGE := docs/studies/performance.md
BESIDE := docs/studies/viewers.md
SELECTION ?= --into docs/studies/selection.md
REWARD ?= --into docs/studies/reward.md
endif

bench: install-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/peers.py --results $(RESULTS) $(PEERS)
	$(BIN)/python benchmarks/growth.py --results $(RESULTS) $(GROWTH)
	$(BIN)/python benchmarks/small.py --results $(RESULTS) $(SMALL)
	$(BIN)/python benchmarks/service.py --results $(RESULTS) $(SERVICE)
	$(BIN)/python benchmarks/geometry.py --results $(RESULTS) $(GEOMETRY)
	$(BIN)/python benchmarks/extraction.py --results $(RESULTS) $(EXTRACTION)
	$(BIN)/python benchmarks/pictures.py --results $(RESULTS) $(PICTURES)
	$(BIN)/python benchmarks/search.py --results $(RESULTS) $(SEARCH)
	$(BIN)/python benchmarks/frechet.py --results $(RESULTS) $(FRECHET)
	$(BIN)/python benchmarks/sets.py --results $(RESULTS) $(SETS)
	$(BIN)/python benchmarks/parts.py --results $(RESULTS) $(PARTS)
	$(BIN)/python benchmarks/kernels.py --results $(RESULTS) $(KERNELS)
	$(BIN)/python benchmarks/explorer_data.py --results $(RESULTS) $(EXPLORER_DATA)
	$(BIN)/python benchmarks/frame_rate.py --results $(RESULTS) $(FRAME_RATE)
	$(BIN)/python benchmarks/viewers.py --results $(RESULTS) $(VIEWERS)
	$(BIN)/python benchmarks/selection.py $(SELECTION)
	$(BIN)/python benchmarks/reward.py $(REWARD)
	$(BIN)/python benchmarks/page.py --results $(RESULTS) --output $(PAGE)
	$(BIN)/python benchmarks/viewers_page.py --results $(RESULTS) --output $(BESIDE)

# studies/evidence_pictures.py names the packages of photos, to be unpacked into the last folder.
PICTURES_OF_STUDIES := --cifar10 .study/cifar10 --emoji .study --clipart /usr/share/openclipart/png --photos .study/photos

study: install-dev
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[torch,families]'
	$(BIN)/python studies/calibration.py --into docs/explanation/trust.md
	$(BIN)/python studies/two_sample.py --into docs/explanation/trust.md
	$(BIN)/python studies/set_intervals.py --into docs/studies/sets.md
	$(BIN)/python studies/families.py --into docs/explanation/trust.md
	$(BIN)/python studies/hostile_files.py --into docs/explanation/trust.md
	$(BIN)/python studies/decoding_memory.py --megapixels 30 --into docs/explanation/trust.md
	$(BIN)/python studies/hostile_archives.py
	$(BIN)/python studies/bursts.py --into docs/explanation/trust.md
	$(BIN)/python studies/watching.py --work .study/watching --into docs/studies/watching.md
	$(BIN)/python studies/proxies.py --into docs/studies/proxies.md
	$(BIN)/python studies/compare_intervals.py --into docs/studies/compare.md
	$(BIN)/python studies/check_metric.py --into docs/studies/check-metric.md
	$(BIN)/python studies/set_intervals_knn.py --into docs/studies/sets.md
	$(BIN)/python studies/set_peers_knn.py --into docs/studies/sets.md
	$(BIN)/python studies/reward.py --into docs/studies/reward.md
	$(BIN)/python studies/verdicts.py
	$(BIN)/python studies/fashion_generators.py
	$(BIN)/python -m pip install --quiet --disable-pip-version-check scipy imagehash
	$(BIN)/python studies/cifar10.py --out .study/cifar10
	$(BIN)/python studies/generators.py fashion --out .study/generators
	$(BIN)/python studies/generators.py cifar10 --cifar10 .study/cifar10 --out .study/generators
	$(BIN)/python studies/generators_paper.py --generators .study/generators --work .study/paper \
		--into docs/studies/generators.md
	$(BIN)/python studies/guidance.py --generators .study/generators --work .study/guidance \
		--into docs/studies/guidance.md --picture docs/pictures/guidance.webp
	$(BIN)/python studies/calibration_photos.py .study/cifar10 --into docs/explanation/trust.md
	$(BIN)/python studies/set_sizes_samples.py .study/generators --cifar10 .study/cifar10
	$(BIN)/python studies/set_sizes.py .study/cifar10 --into docs/studies/sets.md
	$(BIN)/python studies/families_photos.py .study/cifar10 --into docs/explanation/trust.md
	$(BIN)/python studies/junk.py .study/cifar10 --into docs/explanation/trust.md
	$(BIN)/python studies/opinions.py .study/cifar10
	$(BIN)/python studies/shortcuts.py --vectors .study/cifar10
	$(BIN)/python studies/audit_cifar10.py .study/cifar10 --into docs/explanation/trust.md
	$(BIN)/python studies/rare.py .study/cifar10 --into docs/explanation/verdict.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python benchmarks/peers.py --vectors .study/cifar10 --tasks radii query --results $(RESULTS)
	$(BIN)/python benchmarks/page.py --results $(RESULTS) --output $(PAGE)
	$(BIN)/python studies/planted.py .study/cifar10 --into docs/explanation/trust.md
	$(BIN)/python studies/near_copies.py
	$(BIN)/python studies/copies.py --cifar10 .study/cifar10 --clipart /usr/share/openclipart/png --work .study/copies
	$(BIN)/python studies/visual_words.py $(PICTURES_OF_STUDIES) --into src/rara/retrieval/visual_words.npz
	$(BIN)/python studies/index_candidates.py $(PICTURES_OF_STUDIES) --work .study/candidates \
		--page docs/studies/copy-candidates.md
	$(BIN)/python studies/evidence_null.py $(PICTURES_OF_STUDIES) --work .study/evidence \
		--into src/rara/retrieval/universal_null.json --page docs/explanation/evidence.md
	$(BIN)/python studies/evidence_held.py --packages .study/packages --cifar10 .study/cifar10 \
		--clipart /usr/share/openclipart/png --work .study/held --page docs/explanation/evidence.md
	$(BIN)/python studies/copies_found.py --cifar10 .study/cifar10 --photos .study/photos \
		--packages .study/packages --work .study/found --page docs/explanation/copies.md
	$(BIN)/python studies/whole_pictures.py $(PICTURES_OF_STUDIES) --into docs/explanation/evidence.md
	$(BIN)/python studies/aligned_pictures.py $(PICTURES_OF_STUDIES) --into docs/explanation/evidence.md
	$(BIN)/python studies/evidence_power.py $(PICTURES_OF_STUDIES) --work .study/evidence \
		--page docs/explanation/evidence.md
	for which in whole parts; do $(BIN)/python studies/few_photos.py $$which $(PICTURES_OF_STUDIES) \
		--packages .study/packages --page docs/explanation/evidence.md; done
	$(BIN)/python studies/found_sources.py --clipart /usr/share/openclipart/png --photos .study/photos \
		--picture docs/pictures/found-sources.webp --page docs/explanation/evidence.md
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[copies]'
	$(BIN)/python studies/search_power.py $(PICTURES_OF_STUDIES) --network sscd-student --copies 16 --packages .study/packages \
		--page docs/studies/search.md
	$(BIN)/python studies/copy_candidates.py --photos .study/photos --work .study/candidates \
		--into docs/studies/copy-candidates.md
	for section in level planted photos; do \
		$(BIN)/python studies/copy_network.py $$section --cifar10 .study/cifar10 --images 5000 --demo examples/fashion \
			--photos .study/photos --work .study/copy-network --into docs/studies/copy-network.md; done
	$(BIN)/python studies/contact_sheets.py $(PICTURES_OF_STUDIES) --work .study/sheets \
		--page docs/studies/contact-sheets.md

clean:
	rm -rf $(VENV) $(DEMO) .bench .pytest_cache .mypy_cache .ruff_cache .hypothesis
