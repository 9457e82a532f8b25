#!/usr/bin/env bash
# An access token for the next steps: masked before it is an output.
set -euo pipefail
case "$NAME" in
  '' | -*) echo "::error::name: '$NAME' is no name of a token"; exit 2 ;;
esac
arguments=(token "$NAME" --output github --variable access_token)
if [ -n "$FOR" ]; then arguments+=(--for "$FOR"); fi
if [ -n "$TENANT" ]; then arguments+=(--tenant "$TENANT"); fi
exec "$ROTATOR" "${arguments[@]}"
