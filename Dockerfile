# The service in a container: it runs as nobody, and writes to its cache folder only.
#
#   docker build -t rara .
#   docker run --read-only --tmpfs /tmp -v rara-cache:/cache -v "$PWD/reference":/reference:ro \
#       -v "$PWD/token":/token:ro -p 8765:8765 rara
#
# buildah builds it as well; with --format docker it keeps the health check, which OCI images do not have.
# /reference is a folder of `rara reference build`, or one of images. /token holds the token that every
# request must bring: python -c "import secrets; print(secrets.token_urlsafe(32))" > token
FROM python:3.13-slim AS built
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src ./src
RUN python -m venv /opt/rara \
    && /opt/rara/bin/pip install --no-cache-dir --disable-pip-version-check '.[explore]'

FROM python:3.13-slim
COPY --from=built /opt/rara /opt/rara
RUN mkdir /cache && chown 65534:65534 /cache
ENV PATH=/opt/rara/bin:$PATH \
    HOME=/cache \
    RARA_CACHE=/cache \
    PYTHONDONTWRITEBYTECODE=1
USER 65534:65534
VOLUME /cache
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --start-period=120s --interval=30s --timeout=5s CMD ["python", "-c", \
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/v1/health', timeout=4)"]
ENTRYPOINT ["rara", "serve"]
CMD ["/reference", "--host", "0.0.0.0", "--token-file", "/token"]
