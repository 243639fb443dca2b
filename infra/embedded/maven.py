"""Fetching one pinned artifact with jgo: no dependency resolution, so nothing but what the list names can come."""

from pathlib import Path

from infra.embedded.artifacts import Artifact

TIMEOUT_S = 30
ATTEMPTS = 3


def fetch(artifact: Artifact, folder: Path) -> Path:
    """Download `artifact` into `folder`; repositories named in the user's jgo settings (mirrors) are asked first.

    Raises:
        OSError: it could not be reached or is not there.
    """
    # Half a second of imports that only an incomplete cache needs.
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext
    from requests import RequestException

    theirs = GlobalSettings.load().repositories
    asked = theirs | MavenContext().remote_repos | theirs  # theirs come first, and win where the names are equal
    context = MavenContext(repo_cache=folder, remote_repos=asked, timeout=TIMEOUT_S)
    group, name, version, *rest = artifact.coordinate.split(":")
    classifier, packaging = rest or ("", "jar")
    wanted = context.project(group, name).at_version(version).artifact(classifier=classifier, packaging=packaging)
    for attempt in range(ATTEMPTS):
        try:
            return Path(wanted.resolve())
        except RequestException:  # an OSError; what half arrived must not be taken for the file
            if wanted.cached_path is not None:
                wanted.cached_path.unlink(missing_ok=True)
            if attempt == ATTEMPTS - 1:
                raise
        except RuntimeError as error:  # jgo's word for "in no repository"
            raise FileNotFoundError(str(error)) from error
    raise AssertionError("unreachable: the last attempt returns or raises")
