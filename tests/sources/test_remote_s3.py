"""A real protocol of buckets: moto's server speaks S3, s3fs reads it."""

import pytest

pytest.importorskip("s3fs", reason="the extra `slow` is not installed: s3fs")
pytest.importorskip("moto", reason="the extra `slow` is not installed: moto[server]")

import pyarrow.parquet as pq

from commands import called
from make import as_folder, as_tar, as_zip, encoded, ids, loaded, picture, png
from rara.errors import SourceError, SourceNotFoundError
from rara.sources import open_source
from rara.sources.remote import filesystem

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(server, monkeypatch):
    import boto3
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(filesystem, "WAITS", (0.0, 0.0, 0.0))
    s3fs.S3FileSystem.clear_instance_cache()
    client = boto3.client("s3", endpoint_url=server)
    client.create_bucket(Bucket="bucket")
    yield client
    for one in client.list_objects_v2(Bucket="bucket").get("Contents", []):
        client.delete_object(Bucket="bucket", Key=one["Key"])


def put(client, folder, prefix):
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            client.put_object(Bucket="bucket", Key=key, Body=path.read_bytes())


def test_a_bucket_is_read_as_a_folder(bucket, tmp_path):
    files = {
        "cat/10.png": png(1),
        "cat/2.png": png(2),
        "cat/2.txt": b"x",
        "d#1?/ü +%20.png": png(3),
    }
    folder = as_folder(tmp_path / "train", files)
    put(bucket, folder, "train")
    bucket.put_object(Bucket="bucket", Key="train/", Body=b"")
    bucket.put_object(Bucket="bucket", Key="train/../out.png", Body=png(9))
    bucket.put_object(Bucket="bucket", Key="train2/x.png", Body=png(9))
    assert loaded(open_source("s3://bucket/train")) == loaded(open_source(folder))
    assert loaded(open_source("s3://bucket/train/")) == loaded(open_source(folder))


def test_archives_and_shards_in_a_bucket(bucket, tmp_path):
    files = {"a.png": png(1), "b.png": png(2)}
    (tmp_path / "x").mkdir()
    as_zip(tmp_path / "x" / "train", files)
    as_tar(tmp_path / "x" / "000", files)
    as_tar(tmp_path / "x" / "001", files)
    put(bucket, tmp_path / "x", "x")
    for name in ("train.zip", "*.tar", "{000..001}.tar"):
        assert loaded(open_source(f"s3://bucket/x/{name}")) == loaded(
            open_source(f"{tmp_path}/x/{name}")
        )


def test_what_is_not_there_or_not_allowed(bucket, monkeypatch):
    import s3fs

    for place in ("s3://absent/train", "s3://bucket/absent", "s3://bucket/absent.zip"):
        with pytest.raises(SourceNotFoundError, match="Nothing is at"):
            open_source(place)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nothing")
    s3fs.S3FileSystem.clear_instance_cache()
    with pytest.raises(SourceError, match="credentials") as raised:
        open_source("s3://bucket/train")
    assert "SECRET" not in str(raised.value)


def test_many_objects_are_listed_and_read_whole(bucket):
    for i in range(1100):  # more than one page of a listing
        bucket.put_object(Bucket="bucket", Key=f"many/{i}.png", Body=png(i % 256))
    source = open_source("s3://bucket/many")
    assert ids(source) == [f"{i}.png" for i in range(1100)]
    assert [item.load() for item in source] == [png(i % 256) for i in range(1100)]


def test_the_same_table_as_of_local_folders(bucket, tmp_path, capsys):
    for name, first in (("train", 0), ("samples", 3)):
        files = {f"{i}.png": encoded(picture(first + i)) for i in range(8)}
        put(bucket, as_folder(tmp_path / name, files), name)
    tables = []
    for root in (tmp_path, "s3://bucket"):
        target = tmp_path / f"{len(tables)}.parquet"
        code, _, err = called(
            capsys, "score", f"{root}/samples", "--reference", f"{root}/train", "-o", target
        )
        assert code == 0, err
        assert "SECRET" not in err
        tables.append(pq.read_table(target))
    assert tables[0].replace_schema_metadata() == tables[1].replace_schema_metadata()
    saved = tmp_path / "reference"
    assert called(capsys, "reference", "build", tmp_path / "train", "-o", saved)[0] == 0
    put(bucket, saved, "saved")
    target = tmp_path / "2.parquet"
    words = ["score", "s3://bucket/samples", "--reference", "s3://bucket/saved", "-o", target]
    assert called(capsys, *words)[0] == 0
    assert pq.read_table(target).replace_schema_metadata() == tables[0].replace_schema_metadata()
