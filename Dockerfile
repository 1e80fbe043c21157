# syntax=docker/dockerfile:1

# Compiles the native addons and the TypeScript.
FROM node:24-bookworm AS build
WORKDIR /opt/latchkey
COPY . .
RUN npm ci && npm prune --omit=dev --ignore-scripts

FROM node:24-bookworm-slim
RUN groupadd --system --gid 10001 latchkey \
 && useradd --system --uid 10001 --gid latchkey --home-dir /var/lib/latchkey --shell /usr/sbin/nologin latchkey \
 && install -d -m 0700 -o latchkey -g latchkey /var/lib/latchkey
WORKDIR /opt/latchkey
COPY --from=build /opt/latchkey/package.json ./
COPY --from=build /opt/latchkey/node_modules ./node_modules
COPY --from=build /opt/latchkey/dist ./dist

ENV NODE_ENV=production
# The thread pool signs: as many threads as the container has cores.
ENV UV_THREADPOOL_SIZE=4
# Room for a second of requests' garbage: most of it then dies without being copied.
ENV NODE_OPTIONS=--max-semi-space-size=64
USER latchkey
# The KEK comes in from outside, for instance as a secret at /etc/latchkey/kek, owned by 10001, mode 0400.
VOLUME /var/lib/latchkey
EXPOSE 8443
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:9443/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "/opt/latchkey/dist/server/main.js"]
CMD ["start"]
