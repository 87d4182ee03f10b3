# syntax=docker/dockerfile:1
# Weir's image: one executable with Swift's standard library inside, on a slim Debian with only the shared libraries that it needs.
# What is copied is what scripts/dist.sh lays out; scripts/rehearse-image.sh starts that very content without a container engine.

FROM swift:6.3.1-bookworm AS build
# Versions are Debian's stable ones: it mends them in place, so pinning would only keep their faults.
# hadolint ignore=DL3008
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends librdkafka-dev libsimdjson-dev libboost1.74-dev zlib1g-dev libssl-dev libcurl4-openssl-dev pkg-config \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# Railway names the commit so; others pass WEIR_COMMIT.
ARG RAILWAY_GIT_COMMIT_SHA=
ARG WEIR_COMMIT=${RAILWAY_GIT_COMMIT_SHA}
RUN WEIR_COMMIT="${WEIR_COMMIT}" scripts/dist.sh /dist

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends librdkafka1 libsimdjson14 libcurl4 zlib1g libssl3 libstdc++6 ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install -d -o 65532 -g 65532 /var/lib/weir
COPY --from=build /dist/ /
# Nobody's number in particular. It owns nothing but /var/lib/weir, where snapshots may go (STATE_DIR), and the root may be read-only.
USER 65532:65532
WORKDIR /var/lib/weir
ENV PORT=8080
EXPOSE 8080
STOPSIGNAL SIGTERM
# /livez: a container that restores, or has lost its broker, is not to be killed for it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 CMD ["/usr/bin/weir", "healthcheck"]
ENTRYPOINT ["/usr/bin/weir"]
CMD ["serve"]
