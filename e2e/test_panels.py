"""The page's panels: folders and zip archives in and out, processes, system calls."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, expect

from e2e.conftest import Script, message
from e2e.test_page import status
from e2e.test_terminal import start, wait_for


def archive(files: dict[str, str]) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as written:
        for name, text in files.items():
            written.writestr(name, text)
    return data.getvalue()


def test_a_folder_is_added_with_all_that_is_in_it(page: Page, tmp_path: Path) -> None:
    (tmp_path / "project" / "sub").mkdir(parents=True)
    (tmp_path / "project" / "a.txt").write_text("first")
    (tmp_path / "project" / "sub" / "b.txt").write_text("second")
    page.add_init_script("delete window.showDirectoryPicker")
    start(page, "python -q")
    wait_for(page, ">>> ")
    page.get_by_label("Add a folder").set_input_files(tmp_path / "project")
    page.get_by_role("button", name="Open project").click()
    expect(page.get_by_role("button", name="Download a.txt 5 bytes")).to_be_visible()
    page.locator("wasix-terminal").click()
    page.keyboard.type("open('project/sub/b.txt').read()\n")
    wait_for(page, "'second'")


def test_a_folder_is_picked_where_browsers_show_theirs(page: Page) -> None:
    # A folder of the origin's own has the same interface as one that is picked.
    page.add_init_script(
        """window.showDirectoryPicker = async () => {
          const root = await navigator.storage.getDirectory();
          const folder = await root.getDirectoryHandle("picked", { create: true });
          const inner = await folder.getDirectoryHandle("inner", { create: true });
          const file = await inner.getFileHandle("c.txt", { create: true });
          const stream = await file.createWritable();
          await stream.write("third");
          await stream.close();
          return folder;
        };"""
    )
    start(page, "python -q")
    wait_for(page, ">>> ")
    page.get_by_label("Add a folder").click()
    page.get_by_role("button", name="Open picked").click()
    page.get_by_role("button", name="Open inner").click()
    expect(page.get_by_role("button", name="Download c.txt 5 bytes")).to_be_visible()


def test_a_zip_archive_is_unpacked(page: Page) -> None:
    start(page, "python -q")
    wait_for(page, ">>> ")
    data = archive({"top.txt": "above", "deep/er/low.txt": "below", "empty/": ""})
    payload = FilePayload(name="things.zip", mimeType="application/zip", buffer=data)
    page.get_by_label("Add files").set_input_files(payload)
    page.get_by_role("button", name="Unpack things.zip").click()
    page.get_by_role("button", name="Open things", exact=True).click()
    for name in ("Open deep", "Open empty", "Download top.txt 5 bytes"):
        expect(page.get_by_role("button", name=name)).to_be_visible()
    page.locator("wasix-terminal").click()
    page.keyboard.type("open('things/deep/er/low.txt').read()\n")
    wait_for(page, "'below'")


def test_all_files_are_taken_as_a_zip_archive(page: Page) -> None:
    start(page, "python -q")
    wait_for(page, ">>> ")
    page.keyboard.type("import os; os.makedirs('x/y'); n = open('x/y/z', 'w').write('deep')\n")
    page.keyboard.type("n = open('top', 'wb').write(bytes(range(256)))\n")
    expect(page.get_by_role("button", name="Download top 256 bytes")).to_be_visible()
    with page.expect_download() as caught:
        page.get_by_role("button", name="Zip all").click()
    assert caught.value.suggested_filename == "home.zip"
    with zipfile.ZipFile(caught.value.path()) as taken:
        assert taken.testzip() is None
        assert {name: taken.read(name) for name in taken.namelist()} == {
            "x/": b"",
            "x/y/": b"",
            "x/y/z": b"deep",
            "top": bytes(range(256)),
        }


@pytest.mark.parametrize("name", ["../outside", "/outside", "in/../../outside"])
def test_an_archive_writes_nothing_elsewhere(shared_script: Script, name: str) -> None:
    evil = archive({"fine": "x", name: "bad"})
    unpack = "await wasix.fs.unpack(new Uint8Array(arg), '/tmp/into')"
    assert message(lambda: shared_script(unpack, evil)) == (
        f"{name}: a file of the archive would lie outside of /tmp/into"
    )
    assert shared_script("return wasix.fs.list('/tmp')") == []


def test_what_is_no_archive_is_refused(shared_script: Script) -> None:
    unpack = "await wasix.fs.unpack(new Uint8Array(100), '/tmp')"
    assert message(lambda: shared_script(unpack)).startswith("it is no zip archive")


def test_processes_are_shown_and_can_be_ended(page: Page) -> None:
    start(page, "python -q")
    wait_for(page, ">>> ")
    page.get_by_text("Processes").click()
    row = page.get_by_role("row", name=re.compile("^python -q"))
    expect(row).to_contain_text(re.compile(r"waiting\d+ %[\d.]+ MB\d+/sKill$"))
    page.get_by_role("button", name=re.compile("^Kill python")).click()
    status(page, "Ended with status 137")
    expect(row).to_have_count(0)


def test_system_calls_are_shown_if_wanted(page: Page) -> None:
    start(page, "cowsay silent")
    wait_for(page, "< silent >")
    page.get_by_text("Processes").click()
    calls = page.get_by_role("log", name="System calls")
    expect(calls).to_have_count(0)
    page.get_by_label("System calls, from the next start on").check()
    expect(calls).to_be_empty()
    page.get_by_role("button", name="Run").click()
    expect(calls).to_contain_text("args_sizes_get() = ")
    expect(calls).to_contain_text('fd_write(1, "')
