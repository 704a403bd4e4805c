# syntax=docker/dockerfile:1
# The image of `sluice`: one binary on a base without a shell. Built by BuildKit (Docker 23 or newer, Podman 4 or newer).
#
# The base images are pinned by tag, not by digest: their tags are rebuilt for security fixes, and a build shall get them.
# Who needs the very same bytes again pins the digest of the image that comes out.

# The version of rust-toolchain.toml, on the Debian release (and so the glibc) of the image below.
FROM rust:1.95.0-trixie AS build
ARG TARGETPLATFORM
WORKDIR /src
COPY . .
# The dependencies that were compiled before are in caches of the builder, which all checkouts share. Cargo tells by the time
# of a file whether it changed, and COPY keeps the times of the checkout: so what is ours is made new, and compiled again.
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,id=sluice-target-$TARGETPLATFORM,target=/src/target,sharing=locked \
    find crates examples -type f -exec touch {} + && \
    cargo build --release --locked -p sluice && \
    install -D --mode=0755 target/release/sluice /out/sluice

FROM gcr.io/distroless/cc-debian13:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="Delivery pipelines for Kubernetes: gates and flow for GitOps." \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/sluice /sluice
# In numbers: the kubelet cannot tell whether a name is root.
USER 65532:65532
ENTRYPOINT ["/sluice"]
