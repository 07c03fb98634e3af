"""Files that steps write and hand on as handles."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from jobnb import (
    FileHandle,
    Instance,
    InvalidInvocationError,
    LocalFileHandle,
    StorageError,
    job,
    local_file_manager,
    op,
)
from jobnb.storage.file_handles import LocalFileManager


@pytest.fixture
def files(tmp_path):
    return LocalFileManager(tmp_path / "not" / "yet" / "there")


@pytest.mark.parametrize("data", [b"", b"abc", bytes(range(256)) * 1000])
def test_what_was_written_is_read(files, data):
    for handle in (files.write_data(data), files.write(io.BytesIO(data))):
        assert files.read_data(handle) == data
        assert isinstance(handle, FileHandle)


def test_text_is_utf_8(files):
    handle = files.write(io.StringIO("señor\n"), mode="w", ext="txt")
    assert handle.path.endswith(".txt")
    assert files.read_data(handle) == "señor\n".encode()
    with files.read(handle, "r") as file:
        assert file.read() == "señor\n"


def test_every_write_is_a_file_of_its_own(files):
    handles = {files.write_data(b"same", ext="csv") for _ in range(20)}
    assert len({handle.path_desc for handle in handles}) == 20
    assert handles == {LocalFileHandle(handle.path) for handle in handles}


def test_a_write_that_fails_leaves_nothing(files):
    class Broken(io.BytesIO):
        def read(self, *_size):
            raise OSError("cable pulled")

    with pytest.raises(StorageError, match="cable pulled"):
        files.write(Broken())
    assert list(Path(files.base_dir).iterdir()) == []


def test_a_file_that_is_gone_and_a_wrong_mode_are_told(files, tmp_path):
    gone = LocalFileHandle(str(tmp_path / "gone"))
    with pytest.raises(StorageError, match="gone' cannot be read"), files.read(gone):
        pass
    with pytest.raises(InvalidInvocationError, match=r"'w' is not one of 'r', 'rb'"):
        files.read(gone, "w").__enter__()
    with pytest.raises(InvalidInvocationError, match=r"'a' is not one of 'w', 'wb'"):
        files.write(io.BytesIO(), mode="a")


def test_a_copy_may_be_changed_and_goes_again(files):
    handle = files.write_data(b"kept")
    copy = Path(files.copy_handle_to_local_temp(handle))
    copy.write_bytes(b"changed")
    assert files.read_data(handle) == b"kept"
    files.delete_local_temp()
    assert not copy.exists()


@op(required_resource_keys={"files"})
def write(context) -> LocalFileHandle:
    return context.resources.files.write_data(b"rows", ext="csv")


@op(required_resource_keys={"files"})
def read(context, handle: LocalFileHandle):
    manager = context.resources.files
    return manager.read_data(handle), manager.copy_handle_to_local_temp(handle)


@job(resource_defs={"files": local_file_manager})
def hand_on():
    read(write())


def test_steps_hand_files_on_and_copies_go_with_the_run(tmp_path):
    config = {"resources": {"files": {"config": {"base_dir": str(tmp_path)}}}}
    result = hand_on.execute_in_process(run_config=config)
    data, copy = result.output_for_node("read")
    assert data == b"rows"
    assert not Path(copy).exists()
    assert [each.suffix for each in tmp_path.iterdir()] == [".csv"]


def test_without_a_folder_files_lie_with_the_instance(tmp_path):
    with Instance.local_temp(str(tmp_path)) as instance:
        handle = hand_on.execute_in_process(instance=instance).output_for_node("write")
        assert Path(handle.path).parent == Path(instance.storage_directory(), "file_manager")
