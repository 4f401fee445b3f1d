"""The file system: where printed documents lie."""
