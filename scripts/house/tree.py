"""The files of a checkout, as the checks see them; reads each file once. Knows no rule."""

import functools
import os
import subprocess

CPP = ('.h', '.hpp', '.inc', '.inl', '.cuh', '.cpp', '.cc', '.cu')
NOT_OURS = ('build/', 'runs/', '.git/', '.venv/')
FIXTURES = 'tests/house/fixtures/'  # rejected on purpose


class Tree:
    """The checkout at `root`: what git knows or would add; without git, every file."""

    def __init__(self, root):
        self.root = os.path.abspath(root)
        self.has_git = os.path.exists(os.path.join(self.root, '.git'))
        names = self._from_git() if self.has_git else self._from_disk()
        self.files = sorted(name for name in names if not name.startswith(FIXTURES))

    def git(self, *arguments):
        """Output of a git command; where git refuses or is not installed, its OSError or CalledProcessError."""
        command = ['git', '-c', 'safe.directory=*', '-C', self.root, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _from_git(self):
        try:
            listed = self.git('ls-files', '-z', '--cached', '--others', '--exclude-standard')
        except (OSError, subprocess.CalledProcessError):
            self.has_git = False
            return self._from_disk()
        return {name for name in listed.split('\0') if name and os.path.isfile(self.path(name))}

    def _from_disk(self):
        for folder, folders, files in os.walk(self.root):
            inside = os.path.relpath(folder, self.root)
            prefix = '' if inside == '.' else inside + '/'
            folders[:] = [f for f in folders
                          if not (prefix + f + '/').startswith(NOT_OURS) and f != '__pycache__']
            yield from (prefix + file for file in files)

    def path(self, name):
        return os.path.join(self.root, name)

    @functools.lru_cache(maxsize=None)
    def text(self, name):
        """The file's text, or None where it is binary."""
        with open(self.path(name), 'rb') as file:
            data = file.read()
        if b'\0' in data:
            return None
        return data.decode('utf-8', errors='replace')

    def cpp(self, *tops):
        """C++ and CUDA files, of all or of these top folders."""
        return [name for name in self.files if name.endswith(CPP)
                and (not tops or name.split('/')[0] in tops)]
