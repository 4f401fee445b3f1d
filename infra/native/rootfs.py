"""Debian packages in a folder of their own, for servers that this machine's distribution does not have.

debootstrap installs them once, which only root may do; the result is kept as an archive that every clone unpacks.
"""

import platform
import shutil
from dataclasses import dataclass
from pathlib import Path

from infra.native.cache import cached, cached_path
from infra.native.command import run

NEEDLESS = ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale")


@dataclass(frozen=True)
class RootFilesystem:
    """What a folder is made from: a Debian release and the packages that are wanted of it."""

    name: str
    suite: str
    packages: tuple[str, ...]

    @property
    def _made_from(self) -> str:
        return f"{self.suite} {','.join(self.packages)} {platform.machine()}"

    def at_hand(self, folder: Path) -> bool:
        """Whether the folder is there, or can be unpacked without installing anything."""
        return folder.exists() or cached_path(self.name, made_from=self._made_from).exists()

    def unpack(self, folder: Path) -> None:
        """Make the folder unless it is there, from the cached archive or anew."""
        if folder.exists():
            return
        archive = cached(self.name, made_from=self._made_from, make=self._install)
        scratch = folder.with_name(f"{folder.name}.unpacking")
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        run(["tar", "--numeric-owner", "-xf", archive, "-C", scratch], doing=f"Unpacking {self.name}")
        scratch.rename(folder)

    def _install(self, archive: Path) -> None:
        print(f"Installing {', '.join(self.packages)} from Debian {self.suite} (once, about a minute) ...", flush=True)
        folder = archive.with_name("rootfs")
        include = f"--include={','.join(self.packages)}"
        run(["debootstrap", "--variant=minbase", include, self.suite, folder], doing=f"Installing {self.packages[0]}")
        for needless in NEEDLESS:
            shutil.rmtree(folder / needless, ignore_errors=True)
        run(["tar", "--numeric-owner", "-cf", archive, "-C", folder, "."], doing=f"Packing {self.packages[0]}")
