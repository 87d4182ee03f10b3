# `make demo` and `make test` are all that a newcomer needs; each installs what it lacks, on Debian 12 with Swift 6.3, as root or by sudo.

# One place for the flags: tests run in release, since debug builds are 14 to 26 times slower.
FLAGS = -c release -Xswiftc -enable-testing
WEIR = .build/release/weir

BUILD_PACKAGES = librdkafka-dev libsimdjson-dev libboost1.74-dev zlib1g-dev libssl-dev libcurl4-openssl-dev pkg-config
# promtool checks the metrics, Java runs Apache Kafka, the venv holds what only PyPI has.
TEST_PACKAGES = prometheus openjdk-17-jre-headless python3-venv
LINT_PACKAGES = git shellcheck
MUTATION_PACKAGES = patch
DEPLOY_PACKAGES = prometheus prometheus-alertmanager python3-venv curl
MEASURE_PACKAGES = wrk kcat binutils
INSTALL = scripts/install.sh

# No target is a file.
.PHONY: $(shell sed -n 's/^\([a-z][a-z-]*\):.*/\1/p' $(firstword $(MAKEFILE_LIST)))

help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)

## deps             installs all that building, testing and linting need
deps: deps-test deps-lint

deps-build:
	@$(INSTALL) $(BUILD_PACKAGES)

deps-test: deps-build
	@$(INSTALL) $(TEST_PACKAGES)
	@$(INSTALL) --venv scripts/requirements.txt || echo 'no PyPI: the tests that need it are left out, and say so'

deps-lint:
	@$(INSTALL) $(LINT_PACKAGES)

deps-deploy:
	@$(INSTALL) $(DEPLOY_PACKAGES)

deps-measure: deps-test
	@$(INSTALL) $(MEASURE_PACKAGES)

## build            the release build, with tests enabled
build: deps-build
	swift build $(FLAGS)

## demo             embedded broker, simulated traffic, the service and a live view; Ctrl-C ends it
demo: build
	$(WEIR) demo

## test             all tests; what is not there to test against is said
test: deps-test
	scripts/make-test-models.sh
	swift test $(FLAGS)

## simulate-faults  the stream in virtual time under faults: 5,000 seeds, or SEEDS="FROM TO"
simulate-faults: deps-build
	scripts/simulate-faults.sh seeds $(or $(SEEDS),0 4999)

## mutations        the stream with one rule broken at a time: each must be caught
mutations: deps-build
	@$(INSTALL) $(MUTATION_PACKAGES)
	scripts/simulate-faults.sh mutations

## lint             swift format's rules, shellcheck, and what must not be committed
lint: deps-lint
	scripts/lint.sh

## format           lays Swift files out anew: all, or FILES="a.swift b.swift"
format:
	swift format --in-place --parallel --configuration .swift-format $(or $(FILES),--recursive Sources Tests Benchmarks Package.swift)

## bench            what a transaction costs in the engine, alone
bench: deps-build
	swift run -c release --package-path Benchmarks EngineBenchmark
	swift run -c release --package-path Benchmarks VelocityBenchmark

## bench-aml        what typologies and the AML model cost, on the payments of a file and at a hub: AMLSIM=transactions.csv.gz
AMLSIM ?= ../shared/data/amlsim/transactions.csv.gz
bench-aml: deps-build
	swift run -c release --package-path Benchmarks AMLBenchmark $(AMLSIM)

deps-docs:
	@$(INSTALL) python3-venv
	@$(INSTALL) --venv scripts/requirements.txt

## bench-models     a model of 200 trees, one row at a time, and its contributions, beside LightGBM and tl2cgen in one process
bench-models: deps-build
	@$(INSTALL) python3-venv
	Benchmarks/models/run.sh

## check-docs       links, commands, OpenAPI, AsyncAPI and the schema, against the build and a running service
check-docs: build deps-docs
	.build/venv/bin/python scripts/check-docs.py $(WEIR)

## bench-velocity   the windows alone, beside a C++ prototype and RocksDB (where they are) and deques in plain Swift
bench-velocity: deps-build
	scripts/bench-velocity.sh

## check-windows    10,000 seeds of the windows and snapshots against the brute force: some ten minutes
check-windows: deps-build
	WEIR_SEEDS=10000 swift test $(FLAGS) --filter VelocityTests

## handbook         average precision of a model of Weir's own features on the Handbook's data, by the book's protocols: an hour of two cores at most
handbook: build
	python3 -m venv .build/python && .build/python/bin/pip install -q --disable-pip-version-check -r training/requirements.txt
	.build/python/bin/python training/handbook.py $(or $(HANDBOOK),../shared/data/handbook)/transactions.csv.gz --weir $(WEIR)

## check-handbook   every window equal to those that the Fraud Detection Handbook publishes, where the data are
check-handbook: build
	scripts/check-handbook.py $(WEIR)

## measure          takes the figures of docs/reference/figures.md, on Apache Kafka; NAMES="idle memory" for some of them
measure: build deps-measure
	WEIR=$(WEIR) python3 scripts/measure $(NAMES)

## check-deploy     Dockerfile, compose, CloudFormation, Railway, Prometheus rules and their tests, systemd's unit; no engine, no cloud
check-deploy: deps-deploy
	scripts/check-deploy.sh

## check-s3         what reads S3 held against OpenStack Swift's s3api, strict on signatures, dates and regions; root, Debian's swift packages
check-s3: deps-test
	$(INSTALL) swift-proxy swift-account swift-container swift-object memcached
	WEIR_S3API=1 swift test $(FLAGS) --filter StrictS3Tests

## rehearse-fresh   a newcomer's machine: a Debian of its own with Swift alone, in which make demo and make test must do; root
rehearse-fresh:
	@$(INSTALL) debootstrap
	scripts/rehearse-fresh.py $(if $(FOLDER),--folder $(FOLDER))

## dist             what the image holds, in the folder dist
dist: deps-build
	scripts/dist.sh dist

## rehearse-image   starts that content as the image would, and measures size, start and memory
rehearse-image: deps-build deps-deploy
	scripts/rehearse-image.sh

## rehearse-rolling two processes on one topic replaced in turn, with 500 /predict a second through the whole of it
rehearse-rolling: build deps-test
	scripts/rehearse-rolling.py --weir $(WEIR)

## rehearse-alerts  a genuine Prometheus watches running instances, whose troubles are provoked: each alert fires and clears
rehearse-alerts: build deps-test
	scripts/rehearse-alerts.py --weir $(WEIR) --broken $$(scripts/broken-build.sh)

## rehearse-runbooks the commands of docs/how-to and docs/tutorial, run
rehearse-runbooks: build deps-test
	scripts/rehearse-runbooks.py --weir $(WEIR)

## rehearse-memory  three million transactions over eight days in 500 MB
rehearse-memory: build deps-test
	scripts/rehearse-memory.py --weir $(WEIR)

## sanitize         the server's hostile tests, and the engine's, under AddressSanitizer and ThreadSanitizer
sanitize: deps-test
	scripts/sanitize.sh address
	scripts/sanitize.sh thread

## rehearse-lambda  the function's package, started by AWS's runtime interface emulator, and measured
rehearse-lambda: deps-build deps-deploy
	scripts/rehearse-lambda.sh

## rehearse         all of these rehearsals
rehearse: rehearse-image rehearse-lambda rehearse-rolling rehearse-alerts rehearse-runbooks rehearse-memory

FAULTS = scripts/install.sh --venv scripts/faults/requirements.txt && .build/venv/bin/python scripts/faults --weir $(WEIR)

## faults-small     crashes, stalls, cuts and what else happens, in minutes, on Apache Kafka; CASES="kill9 stop" for some
faults-small: build deps-test
	$(FAULTS) --size small $(CASES)

## faults           the same at full size: hours
faults: build deps-test
	$(FAULTS) --size full $(CASES)

## soak             two instances at 5,000 a second, the leader replaced every five minutes: an hour, or MINUTES=10
soak: build deps-test
	$(FAULTS) --size full $(if $(MINUTES),--minutes $(MINUTES)) soak

.PHONY: fuzz-models
## fuzz-models      a million damaged model files through the readers: some minutes
fuzz-models: deps-build
	WEIR_FUZZ=1000000 swift test $(FLAGS) --filter ModelsTests.FuzzTests
