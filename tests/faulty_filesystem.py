"""An fsspec filesystem in memory that fails as it is told: for tests of remote places."""

import threading

from fsspec.implementations.memory import MemoryFileSystem


class StatusError(Exception):
    """An answer with a status, as HTTP libraries raise it; its text holds a signed address."""

    def __init__(self, status):
        super().__init__(f"{status} for https://host/x?X-Amz-Signature=SECRET")
        self.status = status


class FaultyFileSystem(MemoryFileSystem):
    """`faults`: by the end of a path, what each next read does: raise, cut, grow, or nothing."""

    protocol = "faulty"
    store = {}  # noqa: RUF012 (as its base class has it)
    pseudo_dirs = [""]  # noqa: RUF012
    faults = {}  # noqa: RUF012
    listing_faults = []  # noqa: RUF012
    extra_keys = {}  # noqa: RUF012
    reads = []  # noqa: RUF012
    lock = threading.Lock()

    @classmethod
    def _strip_protocol(cls, path):
        return MemoryFileSystem._strip_protocol(path.removeprefix("faulty://"))

    def find(self, path, *args, **kwargs):
        if self.listing_faults:
            raise self.listing_faults.pop(0)
        return {**super().find(path, *args, **kwargs), **self.extra_keys}

    def cat_file(self, path, start=None, end=None, **kwargs):
        with self.lock:
            self.reads.append((path, start, end))
            name = next((name for name in self.faults if path.endswith(name)), None)
            fault = self.faults[name].pop(0) if name and self.faults[name] else None
        if isinstance(fault, BaseException):
            raise fault
        data = super().cat_file(path, start=start, end=end, **kwargs)
        return data[:fault] if isinstance(fault, int) else data + (fault or b"")

    @classmethod
    def forget(cls):
        """Empty, and without faults."""
        cls.store.clear()
        cls.pseudo_dirs[:] = [""]
        cls.faults, cls.extra_keys = {}, {}
        cls.listing_faults, cls.reads = [], []
