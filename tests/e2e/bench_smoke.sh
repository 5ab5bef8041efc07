#!/bin/bash
# The benchmark itself, with a few jobs of each part: it must not rot. What it measures is not judged.
# Run as: bench_smoke.sh BUILD_FOLDER; see farm.sh.
# shellcheck source-path=SCRIPTDIR source=farm.sh
. "$(dirname "$0")/farm.sh"
farm_init "${1-}"
[ -z "$FARM_PLAIN" ] || skip_all 'there is nothing to measure without muster'
command -v python3 >/dev/null || skip_all 'python3 is not installed'

timeout 250 "$E2E/../../bench/bench" --smoke --build "$BUILD" --work "$WORK/b" > "$WORK/out" 2> "$WORK/err"
STATUS=$?
results() { jq -e "$1" "$WORK/b/results.json" >/dev/null 2>&1; }

check 'it ends well' -- test "$STATUS" = 0
[ "$STATUS" = 0 ] || diag "$(tail -20 "$WORK/err")"
check 'each part has rows' -- results '[.rows[].part] | unique == ["delay", "local", "lua", "startup", "tls", "trivial"]'
check "muster's compiles were remote" -- results '[.rows[] | select(.system == "muster") | .runs[]
	| .remote == .jobs and .local == 0] | length >= 4 and all'
check 'all of them took time and CPU' -- results '[.rows[].runs[] | .wall_s > 0 and .client_ms > 0] | all'
check 'figures have targets and values' -- results '[.goals[] | select(.reached != null)] | length >= 3'
check 'the tables are printed' -- grep -q '^| muster, cold |' "$WORK/out"
farm_done
