# Two images: a static binary and nothing else, which is the default, and, with
# --target node, one with a Node for the tasks that ask for it (docs/engines.md).
# docs/operations.md says what a container must
# be allowed so that tasks stay isolated; contrib/container.sh tries the same
# files without Docker.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Build tags of docs/building.md, such as "nographql nopostgres".
ARG TAGS=""
RUN CGO_ENABLED=0 go build -trimpath -tags "$TAGS" -ldflags '-s -w' -o /out/ratchet ./cmd/ratchet \
 && mkdir -p /out/data /out/tmp && chmod 1777 /out/tmp

# The Node of the official image, with the libraries that it needs.
FROM node:24-slim AS node
COPY --from=build /out/ratchet /usr/local/bin/ratchet
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
USER 65532:65532
ENV RATCHET_DATA_DIR=/data RATCHET_ENGINES_NODE_PATH=/usr/local/bin/node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD ["/usr/local/bin/ratchet", "server", "status"]
ENTRYPOINT ["/usr/local/bin/ratchet"]
CMD ["serve"]

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/ratchet /ratchet
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/tmp /tmp
USER 65532:65532
ENV RATCHET_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
# Asks /health over the loopback interface of the container.
HEALTHCHECK --interval=15s --timeout=5s --start-period=15s CMD ["/ratchet", "server", "status"]
ENTRYPOINT ["/ratchet"]
CMD ["serve"]
