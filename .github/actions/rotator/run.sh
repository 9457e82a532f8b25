#!/usr/bin/env bash
# One run. The job itself annotates the step and adds to its summary; here its report is kept for later steps.
set -euo pipefail
arguments=(run --output json)
if [ -n "$ONLY" ]; then arguments+=(--only "$ONLY"); fi
if [ -n "$FAIL_ON" ]; then arguments+=(--fail-on "$FAIL_ON"); fi
report=$RUNNER_TEMP/rotator-report.json
code=0
"$ROTATOR" "${arguments[@]}" >"$report" || code=$?
{
  echo "exit-code=$code"
  echo "report=$report"
} >>"$GITHUB_OUTPUT"
exit "$code"
