"""The published models we know, where they are, and how one is fetched.

Revisions and checksums were collected from public records of others who pin the same files; they name exact commits of
the Hugging Face repositories. A wrong one could only make a pull fail. Where none was found, the checksum is the one
the server announces, which protects against damage on the way but trusts the server.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import httpx

from model_server.networks.download import TIMEOUT, PullFailed, RemoteFile, Report, download
from model_server.networks.models_folder import INCOMING, incoming, keep
from model_server.networks.weights import UnusableModel

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A model of a Hugging Face repository at one commit. `official_sha256`: of its authors' own .pth or .pt file."""

    name: str
    repository: str
    revision: str
    files: tuple[RemoteFile, ...]
    official_file: str
    official_sha256: str
    licence: str = "Apache-2.0"

    def url(self, hub_url: str, file: RemoteFile) -> str:
        """Where a file is, on the hub or a mirror of it."""
        return f"{hub_url.rstrip('/')}/{self.repository}/resolve/{self.revision}/{file.name}"

    @property
    def size(self) -> int | None:
        """Bytes of all files, if known."""
        sizes = [file.size for file in self.files]
        return None if None in sizes else sum(size for size in sizes if size is not None)


def _published(
    name: str,
    revision: str,
    *,
    config: tuple[str, int] | None,
    weights: tuple[str, int | None],
    official: tuple[str, str],
) -> Published:
    config_sha256, config_size = config or (None, None)
    return Published(
        name=name,
        repository=f"facebook/{name}",
        revision=revision,
        files=(
            RemoteFile(name="config.json", sha256=config_sha256, size=config_size),
            RemoteFile(name=WEIGHTS, sha256=weights[0], size=weights[1]),
        ),
        official_file=official[0],
        official_sha256=official[1],
    )


CATALOGUE = {
    published.name: published
    for published in (
        _published(
            "sam-vit-base",
            "70c1a07f894ebb5b307fd9eaaee97b9dfc16068f",
            config=("5ebd0d8643b486f3a716bf17c2a15531eb818b2b96ff0c6c5dcc88fa015161af", 6566),
            weights=("892c410e496344e527255ccdcb2cb7244a609acb5389c7c4fdba1288f861c579", 374_979_480),
            official=(
                "sam_vit_b_01ec64.pth",
                "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            ),
        ),
        _published(
            "sam-vit-large",
            "6851e0441005b0fb96f2cc4dfac472f3d1b14af1",
            config=None,
            weights=("a57e1b13cd1545938dfcbc9fb26df7f60de6650237a9383382a874a623564b81", None),
            official=(
                "sam_vit_l_0b3195.pth",
                "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            ),
        ),
        _published(
            "sam-vit-huge",
            "87aecf0df4ce6b30cd7de76e87673c49644bdf67",
            config=None,
            weights=("edfb0462392541fca9af44ff039bfb32dbd0c939997f3abb77a26e23af7afd7c", None),
            official=(
                "sam_vit_h_4b8939.pth",
                "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            ),
        ),
        _published(
            "sam2.1-hiera-tiny",
            "de431c4043854a71d8101e17995dfe596bf101a5",
            config=("860aff9751b139d83a4ad7df1e5535416fded533e0ead02625edbefcb9953cce", 5695),
            weights=("48c14467e5cf9e51870511feb72c89688e82dd74523142c0538b663e193ac2a7", 155_908_064),
            official=(
                "sam2.1_hiera_tiny.pt",
                "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
            ),
        ),
        _published(
            "sam2.1-hiera-small",
            "ee5bba1d82bb8749febdf90f45e84b687142ba03",
            config=("97ff9f65b76d107acda4247885f0a5555d0048850ae3c5f97183df289aaecde9", 5698),
            weights=("0a4067b11ce1e23d5229203f11c718a823060d15a4b23fa2372a7d4b77cbbc60", 184_305_280),
            official=(
                "sam2.1_hiera_small.pt",
                "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
            ),
        ),
        _published(
            "sam2.1-hiera-base-plus",
            "b7320756a13354e7530a63935656d35b2f91a290",
            config=("8e24a93b6a40d4dad86eaec383ce7b4044f37ec6360136460f5ff2ce55f87390", 5705),
            weights=("2012733a0de5d03efd1bba550a2847c4551be9ef2e0d497c83074df66189f780", 323_476_296),
            official=(
                "sam2.1_hiera_base_plus.pt",
                "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
            ),
        ),
        _published(
            "sam2.1-hiera-large",
            "665f8e2ad61cf5f53d65644ff27c8ee525124610",
            config=("00446988cf4d617118d2d347eabe2c46aebed744628facdd540508be30b69ec3", 5705),
            weights=("dc407dce21301fd94abb395c5099b4f2c455fdc8a8f261ac3d0ea6d4cd197230", 897_897_416),
            official=(
                "sam2.1_hiera_large.pt",
                "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
            ),
        ),
    )
}


def pull(published: Published, models_dir: Path, *, hub_url: str, report: Report) -> Path:
    """Fetch a model into `models_dir`; its folder. What has come stays for the next time when it stops in the middle.

    Raises PullFailed, UnusableModel.
    """
    with (
        incoming(models_dir, published.name) as staging,
        httpx.Client(follow_redirects=True, timeout=TIMEOUT) as client,
    ):
        arrived = [download(client, published.url(hub_url, file), file, staging, report) for file in published.files]
        source = {
            "hub": hub_url,
            "repository": published.repository,
            "revision": published.revision,
            "licence": published.licence,
            "files": {one.name: {"sha256": one.sha256, "checked_by": one.checked_by} for one in arrived},
        }
        (staging / "source.json").write_text(json.dumps(source, indent=2) + "\n")
        try:
            return keep(staging, models_dir)
        except UnusableModel:
            shutil.rmtree(staging)
            raise


def find_published(name: str) -> Published:
    """The model of this name. Raises PullFailed unknown_model."""
    if name not in CATALOGUE:
        raise PullFailed("unknown_model", f"There is no published model {name!r}; known are {', '.join(CATALOGUE)}.")
    return CATALOGUE[name]


def find_official(sha256: str) -> Published | None:
    """The model whose authors' own file has this checksum."""
    return next((one for one in CATALOGUE.values() if one.official_sha256 == sha256), None)


def bytes_kept(models_dir: Path, name: str) -> int:
    """What an interrupted pull has left for the next one."""
    return sum(file.stat().st_size for file in (models_dir / INCOMING / name).glob("*"))
