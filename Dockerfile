# The portal's image: built in one stage, run in another that has neither compiler nor pip's cache nor the tests.
# What the steps do can be done without containers too: scripts/build.sh, `portal migrate`, `portal serve`, scripts/alive.py.

FROM python:3.13-slim-bookworm AS build
WORKDIR /source
COPY requirements.lock pyproject.toml README.md ./
COPY scripts/build.sh scripts/
COPY portal portal
COPY api api
COPY web web
COPY migrations migrations
RUN sh scripts/build.sh python3 /opt/portal

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin portal \
    && install -d -o portal -g portal -m 0700 /data
COPY --from=build /opt/portal /opt/portal
COPY scripts/alive.py /opt/portal/alive.py
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PORTAL_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 CMD ["python3", "/opt/portal/alive.py"]
ENTRYPOINT ["portal"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
