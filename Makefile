# One place for the flags: tests run in release, since debug builds are 14 to 26 times slower.
FLAGS = -c release -Xswiftc -enable-testing
PACKAGES = librdkafka-dev libsimdjson-dev libboost1.74-dev zlib1g-dev libssl-dev libcurl4-openssl-dev pkg-config prometheus openjdk-17-jre-headless
SUDO = $(shell [ "$$(id -u)" = 0 ] || echo sudo)

.PHONY: deps build demo test bench check-handbook

# Installs the Debian packages that are missing.
deps:
	@missing=""; for p in $(PACKAGES); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -n "$$missing" ]; then $(SUDO) apt-get update -q && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $$missing; fi

build: deps
	swift build $(FLAGS)

# Embedded broker, simulated traffic, the service, a live view; Ctrl-C ends it.
demo: build
	.build/release/weir demo

test: deps
	swift test $(FLAGS)

bench: deps
	swift build -c release --package-path Benchmarks

# Every window equal to those that the Fraud Detection Handbook publishes; says so and ends well where the data are missing.
check-handbook: build
	scripts/check-handbook.py
