# syntax=docker/dockerfile:1
# glibc, because Temporal's native core has no musl build.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
# Nothing here needs an install script, so none may run.
RUN npm ci --ignore-scripts
COPY tsconfig.json ./
COPY src ./src
COPY workflows ./workflows
COPY activities ./activities
COPY page ./page
# ioredis is optional in the package, and here for TASK_RESULT_BACKEND=redis.
RUN node --run compile \
  && npm pkg set "dependencies.ioredis=$(npm pkg get devDependencies.ioredis | tr -d '\"')" \
  && npm pkg delete devDependencies.ioredis \
  && npm prune --omit=dev --ignore-scripts

FROM node:24.21.0-bookworm-slim
# Temporal's native core reads the system's certificates for TLS, and slim images have none. Node has its own.
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates \
  && rm -rf /var/lib/apt/lists/*
# With --max-semi-space-size below: a quarter less memory (src/runtime/child.ts).
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
WORKDIR /app
# Owned by root: the process can read its code and not change it.
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
# "despachante help settings" reads them.
COPY despachante.example.yaml .env.example ./
# Your workers go to /app/workers: COPY them in an image of your own, or mount them.
USER node
# /live of the intake (9464), the worker (9465) or the task workers (9466), whichever this container runs.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["node", "-e", "Promise.any([9464, 9465, 9466].map(async (port) => { const answer = await fetch('http://127.0.0.1:' + port + '/live'); if (!answer.ok) throw new Error(answer.statusText); })).then(() => process.exit(0), () => process.exit(1))"]
# Exec form: the process itself gets SIGTERM, and drains.
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=8", "dist/src/cli.js"]
CMD ["--help"]
