# firstlightd and its client, with the demo model inside.
#
#   docker build -t firstlight --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --read-only -p 50051:50051 -p 9464:9464 firstlight
#   docker run --read-only -p 50051:50051 -v /models:/models:ro firstlight \
#     --model llama=/models/Llama-3.2-1B
#
# podman drops HEALTHCHECK from images of its default format: build with --format docker.
# docs/operations.md says which ports to publish and how long to let it drain.

ARG BASE=debian:bookworm-slim

FROM ${BASE} AS packages
COPY deploy/install-packages deploy/packages /src/deploy/
RUN /src/deploy/install-packages build

FROM packages AS build
WORKDIR /src
COPY . .
ARG REVISION=unknown
# The compiler cache tells locales apart; tests/container/run passes its own, to share a cache.
ARG LANG=C.UTF-8
RUN cmake --preset release -DBUILD_TESTING=OFF -DFIRSTLIGHT_REVISION="${REVISION}" \
 && ninja -C build firstlightd firstlight \
 && strip --strip-unneeded build/firstlightd build/firstlight

FROM ${BASE} AS runtime
COPY deploy/install-packages deploy/packages /tmp/deploy/
RUN /tmp/deploy/install-packages runtime \
 && rm -rf /tmp/deploy /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/apt /var/log/dpkg.log

FROM runtime
COPY --from=build /src/build/firstlightd /src/build/firstlight /usr/local/bin/
COPY models/demo /models/demo
RUN firstlight compile-tokenizer /models/demo --cache-dir /var/cache/firstlight

# Generation and metrics are for the outside. The admin service is not: whoever reaches it may load
# and swap models, and it knows no passwords. It stays on the container's own loopback, for
# `docker exec CONTAINER firstlight models`, until FIRSTLIGHT_ADMIN_LISTEN says otherwise.
ENV FIRSTLIGHT_CACHE_DIR=/var/cache/firstlight \
    FIRSTLIGHT_LISTEN=0.0.0.0:50051 \
    FIRSTLIGHT_METRICS_LISTEN=0.0.0.0:9464 \
    FIRSTLIGHT_MODEL=demo=/models/demo
EXPOSE 50051 50052 9464

# A number, so that Kubernetes' runAsNonRoot can see that it is not root.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["firstlight", "health"]
ENTRYPOINT ["firstlightd"]

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="firstlight" \
      org.opencontainers.image.description="Serves Hugging Face language models on CPUs over gRPC from mapped weights" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
