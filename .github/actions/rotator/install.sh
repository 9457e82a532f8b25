#!/usr/bin/env bash
# Finds the binary, or fetches a release and makes sure that this repository's workflow built it.
set -euo pipefail
case "$COMMAND" in
  run | token) ;;
  *) echo "::error::command: $COMMAND is neither run nor token"; exit 2 ;;
esac
if [ -n "$BINARY" ]; then
  rotator=$(realpath -- "$BINARY")
else
  if [ -z "$VERSION" ]; then
    echo "::error::name the release, as in version: v0.1.0, or the binary"
    exit 2
  fi
  case "$RUNNER_OS $RUNNER_ARCH" in
    'Linux X64') asset='rotator-x86_64-linux' ;;
    'macOS ARM64') asset='rotator-aarch64-macos' ;;
    'Windows X64') asset='rotator-x86_64-windows.exe' ;;
    *) echo "::error::there is no release for $RUNNER_OS on $RUNNER_ARCH: build one, and name it as binary"; exit 2 ;;
  esac
  rotator=$RUNNER_TEMP/$asset
  gh release download "$VERSION" --repo "$REPOSITORY" --pattern "$asset" --output "$rotator" --clobber
  # Built by the release workflow, from this very tag: any other artifact of the repository is refused.
  gh attestation verify "$rotator" --repo "$REPOSITORY" --signer-workflow "$REPOSITORY/.github/workflows/release.yml" --source-ref "refs/tags/$VERSION"
  chmod +x "$rotator"
fi
"$rotator" --version
echo "rotator=$rotator" >>"$GITHUB_OUTPUT"
