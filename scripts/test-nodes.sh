#!/usr/bin/env bash
# Runs the suite on each Node.js that the package supports, or on those named: `npm run test:nodes -- 22 24`.
# Coverage is the business of `npm test`; here every test has to pass.
set -uo pipefail
cd "$(dirname "$0")/.."

versions=("$@")
if [ ${#versions[@]} -eq 0 ]; then versions=(20 22 24 26); fi

npm run build || exit 1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
table=()
failed=0

for version in "${versions[@]}"; do
  printf '\n=== Node.js %s\n' "$version"
  from=$SECONDS
  actual=$(npx --yes --package="node@$version" node --version)
  if [[ $actual != "v$version" && $actual != "v$version."* ]]; then
    result="not started (got '$actual')"
    failed=1
  elif npx --yes --package="node@$version" node node_modules/.bin/tap --disable-coverage --reporter=tap 2>&1 | tee "$log"; then
    result=passed
  else
    result=FAILED
    failed=1
  fi
  summary=$(sed -n 's/^# { \(total: .*\) }$/\1/p' "$log" | tail -n 1)
  table+=("$(printf '%-8s  %-12s  %-12s  %5ds  %s' "$version" "$actual" "$result" $((SECONDS - from)) "$summary")")
  : > "$log"
done

printf '\n%-8s  %-12s  %-12s  %6s  %s\n' Node.js version result time tests
printf '%s\n' "${table[@]}"
exit "$failed"
