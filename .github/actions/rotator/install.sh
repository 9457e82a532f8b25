#!/usr/bin/env bash
# Finds the binary, or fetches a release and makes sure that this repository's workflow built it.
set -euo pipefail
if [ -n "$BINARY" ]; then
  rotator=$(realpath -- "$BINARY")
else
  if [ -z "$VERSION" ]; then
    echo "::error::name the release, as in version: v0.1.0, or the binary"
    exit 2
  fi
  case "$RUNNER_OS" in
    Linux) asset='rotator-x86_64-linux' ;;
    macOS) asset='rotator-aarch64-macos' ;;
    Windows) asset='rotator-x86_64-windows.exe' ;;
    *) echo "::error::there is no release for $RUNNER_OS"; exit 2 ;;
  esac
  rotator=$RUNNER_TEMP/$asset
  gh release download "$VERSION" --repo "$REPOSITORY" --pattern "$asset" --output "$rotator" --clobber
  gh attestation verify "$rotator" --repo "$REPOSITORY"
  chmod +x "$rotator"
fi
"$rotator" --version
echo "rotator=$rotator" >>"$GITHUB_OUTPUT"
