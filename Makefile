# From a checkpoint to an answer: `make archive && make serve`. `make help` lists the rest.
# No logic here: each target runs one script, and variables given on the command line (PROFILE=edge …) reach it
# through the environment.

# They are meant for the command line. One that is exported in a shell or in CI counts, too, and make says so each time;
# its value, which may be a secret, is not shown. `make help T=export` explains those of a target.
VARIABLES := AGAINST ARCH BASE BOX_PYTHON BREAK_LOCK BUDGET BUILD BUNDLE CALIBRATION CERTIFICATE CLIENTS CLIENT_CA \
	DRY_RUN DURATION FLEET FOREGROUND FORMAT GATEWAY GOLDEN GRPC HEADER_FILE HOSTS IMAGE JSON JUNIT KEY LABELS LIMIT \
	MANAGEMENT_HEADER_FILE MANAGEMENT_URL MAX_ACCURACY_DROP MEMORY_LIMIT_MB METRICS_URL MIN_AGREEMENT MODEL MODEL_NAME MODELS \
	MODEL_VERSION MONITOR MULTILABEL NAME NAMES NGINX OBJECTIVE OUT PICTURES PLATFORM PRECISION PREPROCESSING PRIVATE_KEY \
	PROFILE PROMETHEUS PYTHON RATE REPEATS RESUME REVOKE RUNTIME SEED SHARE SIGNERS SINCE SLO_P99_MS SSH_CONFIG T TORCH_INDEX URL \
	WEIGHTS WEIGHTS_KEY WHEELS
include scripts/variables.mk

PYTHON ?= python3
# What makes .venv; `make setup` may change it, and the others keep it.
SETUP = @$(SETUP_PYTHON) scripts/setup.py $(if $(filter setup,$(MAKECMDGOALS)),--chosen) $(SETUP_GIVEN)
RUN := @.venv/bin/python -m
# status and logs are of this machine, or of the boxes that FLEET or HOSTS names.
HERE_OR_FLEET = $(if $(FLEET)$(HOSTS),scripts.fleet,scripts.server)

.DEFAULT_GOAL := help
.PHONY: help setup export archive serve predict reload shadow promote drop status logs stop key keys certificates smoke precisions bench doctor tune
.PHONY: report collect monitor bundle image arm64 deploy install uninstall rollback history
.PHONY: mobile mobile-test
.PHONY: test lint unit programs integration boxes boxes-short image-test builders fleet-scale
.PHONY: fuzz fuzz-guided attack alert-drill gpu-check policies rules lock clean

help: $(if $(T),| .venv/.fingerprint) ## list the targets; of one, its variables [T=export]
	$(if $(T),$(RUN:@%=@%) scripts.variables $(T),@awk -f scripts/help.awk Makefile)

##@ Make a model ready
setup: ## install what is pinned into .venv, as every target does when needed [TORCH_INDEX= PYTHON=]
	$(SETUP)
export: setup ## checkpoint -> model.pt or .onnx, compared with eager [ARCH= WEIGHTS= PRECISION= RUNTIME=]
	$(RUN) scripts.export
archive: export ## that model -> .mar, reproducible and checked [PROFILE= MODEL_VERSION=]
	$(RUN) scripts.archive

##@ Serve it
serve: setup ## start TorchServe; returns when it answers rightly [PROFILE= FOREGROUND=1 GATEWAY=]
	$(RUN) scripts.server start
predict: setup ## ask a server about a picture, or a folder of them [IMAGE= OUT=file URL= HEADER_FILE=]
	$(RUN) scripts.predict
reload: setup ## serve what is archived now, and the models that the profile lists now; no request fails
	$(RUN) scripts.models reload
shadow: setup ## the model archived last is asked, too; then, how it does as what serves [MODEL= SHARE=10 JSON=1]
	$(RUN) scripts.models shadow
promote: setup ## that candidate serves, and what served is taken away [MODEL=]
	$(RUN) scripts.models promote
drop: setup ## it is taken away [MODEL=]
	$(RUN) scripts.models drop
status: setup ## what is running, and how its workers are [JSON=1 FLEET=|HOSTS=]
	$(RUN) $(HERE_OR_FLEET) status
logs: setup ## follow the server's log; of boxes, its last lines [FLEET=|HOSTS=]
	$(RUN) $(HERE_OR_FLEET) logs
stop: setup ## finish the requests in flight, refuse new ones, end
	$(RUN) scripts.server stop

##@ Let clients in
key: setup ## a key for a client of the gateway, printed once; or its end [NAME= RATE= MODELS= REVOKE= FLEET=]
	$(RUN) scripts.key key
keys: setup ## the clients that have a key, and when each last used it [FLEET=|HOSTS= JSON=1]
	$(RUN) scripts.key list
certificates: setup ## what gateways show, renewed when due [FLEET=|HOSTS= CERTIFICATE= …]
	$(RUN) scripts.certificates

##@ Prove it
smoke: setup ## check a running server from outside [URL= HEADER_FILE= JUNIT=file]
	$(RUN) scripts.smoke

##@ Watch it
monitor: setup ## Prometheus and Alertmanager, with rules and dashboards, until Ctrl-C [FLEET=|HOSTS= MONITOR=address:port]
	$(RUN) scripts.monitor
report: setup ## what a server or a fleet did over time, as a page and as figures [SINCE= PROMETHEUS= FLEET=|HOSTS= OUT=]
	$(RUN) scripts.report
collect: setup ## pictures that servers kept (sample: in model-config.yaml), to be sorted [FLEET=|HOSTS= OUT=]
	$(RUN) scripts.collect

##@ Make it fast
precisions: setup ## fp32, bf16, fp16 and int8 on this machine: accuracy, speed, memory [ARCH= WEIGHTS=]
	$(RUN) scripts.precisions
bench: setup ## load a server with pictures, say what it did [AGAINST=stock LIMIT=1 PICTURES= URL=]
	$(RUN) scripts.bench
doctor: setup ## what this machine has, and what that means for each profile [JSON=1 FLEET=|HOSTS=]
	$(RUN) $(if $(FLEET)$(HOSTS),scripts.fleet doctor,scripts.doctor)
tune: setup ## find the best settings for this machine [OBJECTIVE= SLO_P99_MS= BUDGET=]
	$(RUN) scripts.tune

##@ Ship it to boxes
# Not `setup`: TORCH_INDEX names the box's torch here, and .venv keeps its own.
bundle: export BOX_PYTHON := $(or $(BOX_PYTHON),$(filter 3.%,$(PYTHON)))
bundle: | .venv/.fingerprint ## all that a bare box needs, in one signed file [PLATFORM= BOX_PYTHON= KEY=]
	$(RUN) scripts.bundle
.venv/.fingerprint:
	@TORCH_INDEX= $(SETUP_PYTHON) scripts/setup.py
image: setup ## a container image from a bundle: an OCI layout, signed, with its SBOM [BUNDLE= BASE= KEY=]
	$(RUN) scripts.image
deploy: setup ## canary first, then waves; taken back when too many fail [FLEET=|HOSTS= BUNDLE= DRY_RUN= RESUME=]
	$(RUN) scripts.fleet deploy
rollback: setup ## every box back to the release it had before [FLEET=|HOSTS= DRY_RUN=]
	$(RUN) scripts.fleet rollback
install: setup ## a bundle as a service of this machine or another, as deploy does it [PROFILE= HOSTS= GATEWAY= SIGNERS=]
	$(RUN) scripts.install install
uninstall: setup ## all of that away again [HOSTS=]
	$(RUN) scripts.install uninstall
history: setup ## who deployed what, when, and what came of it [FLEET=|HOSTS=]
	$(RUN) scripts.fleet history

##@ Take it to a phone
mobile: setup ## checkpoint -> .pte, .ptl and .onnx, each run and compared [FORMAT= PRECISION= ARCH= WEIGHTS=]
	@.venv/bin/python -m scripts.setup_mobile
	@.venv-mobile/bin/python -m scripts.mobile

##@ Work on the kit
IN_PARALLEL := --maxprocesses 8 --dist loadfile -n logical
# Programs, boxes and servers that tests wait for use half of a processor.
TWICE_AS_MANY := $(IN_PARALLEL:logical=$(shell expr 2 \* $$(nproc)))
# Boxes wait much of their time, so files for phones and images are tried beside them.
test: lint unit programs integration ## everything CI runs
	@echo "phones, boxes and images side by side, some 20 minutes; each tells when it is done"
	@$(MAKE) --no-print-directory -j2 --output-sync=line mobile-test boxes-short image-test
lint: setup ## ruff, mypy, and the rules of import
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
# Several tests at a time: with more threads each, torch's would spin against one another for half of the time.
unit programs: export OMP_NUM_THREADS := 1
unit: setup ## fast tests, no server
	@.venv/bin/pytest tests/common tests/kit tests/worker tests/handlers tests/monitoring tests/kubernetes \
		tests/test_*.py $(IN_PARALLEL)
programs: setup ## the commands, whole exports, the box's program, the gateway and its page (root, without Chromium)
	@.venv/bin/pytest tests/box tests/scripts tests/builders tests/gateway tests/transport tests/browser $(TWICE_AS_MANY)
integration: setup ## tests against a real TorchServe, and a minute of attacks
	@.venv/bin/pytest tests/integration tests/attack $(IN_PARALLEL)
boxes: setup ## deployments and every fault on three boxes that really boot (root; some 50 minutes)
	@.venv/bin/pytest tests/boxes
boxes-short: setup ## the same with one fault of each kind (root; some 20 minutes)
	@.venv/bin/pytest tests/boxes -m "not thorough"
image-test: setup ## an image built by buildah, and run from its root file system (root)
	@.venv/bin/pytest tests/image
arm64: setup ## a bundle installed and asked in an emulated arm64 Debian (root; some 20 minutes)
	@.venv/bin/pytest tests/arm64 -s
mobile-test: setup ## files for phones, made and run for real
	@.venv/bin/python -m scripts.setup_mobile
	@.venv-mobile/bin/python -m pytest tests/mobile
builders: setup ## every network of torchvision in fp32 and int8, from a state dict; writes docs/torchvision.md (hours)
	@.venv/bin/python -m tests.builders $(NAMES)
fleet-scale: setup ## how a roll-out behaves on up to 10,000 boxes, simulated around the real wave engine
	@.venv/bin/python -m benchmarks.fleet_scale simulate
fuzz: setup ## damaged and crafted pictures for the decoder; what costs too much is kept [DURATION= SEED=]
	@PYTHONPATH=handlers .venv/bin/python -m tests.handlers.fuzzing
fuzz-guided: setup ## requests for the handler, changed by what they reach of its code (atheris) [DURATION= SEED=]
	@PYTHONPATH=handlers .venv/bin/python -m tests.handlers.guided
attack: setup ## made-up requests, floods and a soak on a real server with its gateway, an hour [DURATION= SEED=]
	@.venv/bin/python -m tests.attack
gpu-check: setup ## what a GPU of this machine does: alone, served, beside stock; build/gpu-check/report.md [DURATION=]
	@.venv/bin/python -m benchmarks.gpu_check
alert-drill: setup ## every alert caused for real on a server here, or with DURATION= a quiet time (root) [DURATION=]
	@.venv/bin/python -m tests.alerts
policies: setup ## checkov on config/kubernetes, every overlay and component as kubectl builds it
	@.venv/bin/python -m tests.kubernetes.policies
rules: setup ## config/monitoring/rules as Prometheus's operator takes them, into config/kubernetes
	$(RUN) scripts.operator_rules
lock: setup ## resolve pyproject.toml into requirements/
	@.venv/bin/uv pip compile --universal --python-version 3.10 --group pyproject.toml:dev --generate-hashes \
		--no-annotate --no-header --quiet --output-file requirements/lock.txt
	@.venv/bin/uv pip compile --universal --python-version 3.10 --group pyproject.toml:mobile --generate-hashes \
		--constraint requirements/lock.txt --no-annotate --no-header --quiet --output-file requirements/mobile.txt
clean: setup ## stop the server and remove build/
	$(RUN) scripts.server stop
	@rm -rf build
